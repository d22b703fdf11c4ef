//! The settings page.

use sotto::access::roles::Role;

use crate::access::{Desk, Jar};
use crate::on_both_engines;

async fn administrator(desk: &Desk) -> Jar {
    let (id, _) = desk.invite("kim@harborview.example", &[Role::Administrator]).await;
    desk.let_in(id).await
}

on_both_engines! {
    async fn office_hours_are_kept_and_a_slip_keeps_what_was_typed(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let form = [("mon", "08:00-12:00, 13:00-17:00"), ("tue", ""), ("closed", "2027-12-25")];
        desk.post("/settings/office-hours", &form, &mut jar).await.goes_to("/settings");
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("value=\"08:00-12:00, 13:00-17:00\""), "{page}");
        assert!(page.contains(">2027-12-25</textarea>"), "{page}");
        let slip = [("mon", "08:00-12:00"), ("wed", "nine to five")];
        let page = desk.post("/settings/office-hours", &slip, &mut jar).await.is(422).text;
        assert!(page.contains("week.wed") && page.contains("value=\"nine to five\""), "{page}");
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("13:00-17:00"), "a slip changes nothing");
        desk.clinic.is_proved().await;
    }

    async fn a_token_is_shown_once_and_is_worth_nothing_once_revoked(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let none = [("name", "Scheduler"), ("days", "30")];
        let page = desk.post("/settings/tokens", &none, &mut jar).await.is(422).text;
        assert!(page.contains("tick what it may do"), "{page}");
        let form = [("name", "Scheduler"), ("days", "30"), ("appointments:read", "yes")];
        let page = desk.post("/settings/tokens", &form, &mut jar).await.is(200).text;
        let secret = page.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap();
        assert!(secret.starts_with("sotto_"));
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("Scheduler") && !page.contains(secret), "{page}");
        let path = page.split("action=\"/settings/tokens/").nth(1).unwrap();
        let id = path.split('/').next().unwrap();
        let revoke = format!("/settings/tokens/{id}/revoke");
        desk.post(&revoke, &[], &mut jar).await.goes_to("/settings#tokens");
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("no longer good"), "{page}");
        desk.clinic.is_proved().await;
    }

    async fn the_matrix_and_the_agreements_are_those_in_force(db: TestDb) {
        let desk = Desk::open(db).await;
        let mut jar = administrator(&desk).await;
        let page = desk.get("/settings", &mut jar).await.is(200).text;
        assert!(page.contains("Simulated carrier of the demo"), "{page}");
        let row = page.split("<th scope=\"row\">never send</th>").nth(1).unwrap();
        let row = row.split("</tr>").next().unwrap();
        assert_eq!(row.matches("mark stop").count(), 5, "{row}");
    }
}
