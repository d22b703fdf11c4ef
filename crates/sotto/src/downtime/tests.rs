use jiff::SignedDuration;

use super::*;

fn folder() -> PathBuf {
    let name = format!("sotto-downtime-{}", crate::clock::Clock::system().new_id());
    std::env::temp_dir().join(name)
}

fn known(shared: bool, seen: &str, until: &str) -> Known {
    Known {
        key: [7; 32],
        staff: crate::ids::StaffId(uuid::Uuid::nil()),
        name: "Rosa".to_owned(),
        roles: "nurse".to_owned(),
        sites: Vec::new(),
        session: crate::ids::SessionId(uuid::Uuid::nil()),
        method: "passkey".to_owned(),
        shared,
        seen_at: seen.parse().unwrap(),
        expires_at: until.parse().unwrap(),
    }
}

#[test]
fn a_session_is_good_while_it_is_used_and_no_longer() {
    let folder = folder();
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let one = known(false, "2027-03-01T10:00:00Z", "2027-03-01T18:00:00Z");
    for (shared, minute, good) in
        [(false, "14", true), (false, "15", false), (true, "04", true), (true, "05", false)]
    {
        let downtime = Downtime::at(&folder).unwrap();
        let one = Known { shared, ..one.clone() };
        let now = at(&format!("2027-03-01T10:{minute}:00Z"));
        assert_eq!(downtime.admits(&one, now), good, "{shared} {minute}");
        // Used, it lives on; left alone, nothing opens it again.
        let later = now + SignedDuration::from_mins(4);
        assert_eq!(downtime.admits(&one, later), good, "{shared} {minute}");
        assert!(!downtime.admits(&one, later + SignedDuration::from_mins(15)));
    }
    let downtime = Downtime::at(&folder).unwrap();
    let last = known(false, "2027-03-01T17:59:00Z", "2027-03-01T18:00:00Z");
    assert!(!downtime.admits(&last, at("2027-03-01T18:00:00Z")));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn it_begins_once_and_ends_once() {
    let folder = folder();
    let downtime = Downtime::at(&folder.join("new")).unwrap();
    let at: Timestamp = "2027-03-01T10:00:00Z".parse().unwrap();
    assert_eq!(downtime.away_since(), None);
    downtime.went_away(at);
    downtime.went_away(at + SignedDuration::from_secs(3));
    assert_eq!(downtime.away_since(), Some(at));
    downtime.came_back();
    assert_eq!(downtime.away_since(), None);
    fs::remove_dir_all(folder).unwrap();
}
