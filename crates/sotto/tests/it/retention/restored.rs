//! Backups from before the end of a month, put back after it: what ended stays ended.

use std::path::Path;

use seal::{KeyKind, RootKey, Standing};
use sotto::retention::end;

use super::{MONTH, certificates, look, warned_and_over, words_of, written};
use crate::access::Desk;
use crate::on_both_engines;
use crate::portal::PHONE;
use crate::portal::restored::Safe;

fn standing(desk: &Desk) -> Standing {
    desk.clinic.office.keys().month(KeyKind::Retention, MONTH.parse().unwrap()).unwrap()
}

fn root(desk: &Desk) -> RootKey {
    RootKey::from_text(&desk.clinic.root.to_text()).unwrap()
}

on_both_engines! {
    async fn a_backup_from_before_the_end_brings_no_record_back(db: TestDb) {
        let desk = Desk::open(db).await;
        let ana = desk.clinic.patient("Ana", "en", PHONE).await;
        let id = written(&desk, ana).await;
        warned_and_over(&desk).await;
        let safe = Safe::new();
        let (data, old_keys) = safe.back_up(&desk).await;
        let old_keys = {
            // The next backup of the keys takes its place.
            let kept = safe.folder().join("kept");
            std::fs::rename(&old_keys, &kept).unwrap();
            kept
        };
        assert_eq!(look(&desk).await.ended, 1);

        // The machine that was there, with its tombstones, and the data from before.
        let same = safe.restore(&desk, &data, (Path::new(&desk.clinic.keys), root(&desk))).await;
        assert_eq!(words_of(&same, same.clinic.office.clone(), id).await, None);
        assert_eq!(look(&same).await.ended, 1, "the certificate is there again");
        assert_eq!(certificates(&same).await.len(), 1);
        same.clinic.is_proved().await;

        // A new machine, with the keys as they were kept since: they bring the tombstone.
        desk.pass(60);
        let (newer, keys) = safe.back_up(&desk).await;
        let (store, fresh) = safe.put_back_keys(&desk, &keys).await;
        let anew = safe.restore(&desk, &data, (&store, fresh)).await;
        assert_eq!(standing(&anew), Standing::Destroyed);
        assert_eq!(words_of(&anew, anew.clinic.office.clone(), id).await, None);

        // A new machine, with the data of now and the keys of then: before anything is served, what the
        // data says has ended is destroyed again, and the log says so.
        std::fs::remove_dir_all(&store).unwrap();
        let (store, fresh) = safe.put_back_keys(&desk, &old_keys).await;
        let back = safe.restore(&desk, &newer, (&store, fresh)).await;
        assert_eq!(standing(&back), Standing::There);
        assert_eq!(end::stay_ended(&back.clinic.db, &back.clinic.office).await.unwrap(), 1);
        assert_eq!(standing(&back), Standing::Destroyed);
        assert_eq!(words_of(&back, back.clinic.office.clone(), id).await, None);
        assert_eq!(end::stay_ended(&back.clinic.db, &back.clinic.office).await.unwrap(), 0);
        assert_eq!(certificates(&back).await.len(), 1);
        back.clinic.is_proved().await;
    }
}
