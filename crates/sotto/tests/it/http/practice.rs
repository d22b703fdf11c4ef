//! The practice's own plan and hours, and what follows from them.

use serde_json::{Value, json};

use super::Site;
use crate::on_both_engines;

const PLAN: &str = "/api/v1/practice/reminder-plan";
const HOURS: &str = "/api/v1/practice/office-hours";

on_both_engines! {
    async fn a_plan_holds_for_what_is_booked_from_then_on(db: TestDb) {
        let site = Site::open(db).await;
        let before = site.get(PLAN).await.is(200).json;
        let names: Vec<&str> =
            before["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
        assert_eq!(names, ["7d", "2d", "3h"]);
        let starts = "2027-03-20T15:00:00Z".parse().unwrap();
        let old = site.clinic.book(site.patient, "visit-1", starts).await;
        let plan = json!({"steps": [
            {"step": "1h", "minutes_before": 60}, {"step": "4d", "minutes_before": 5760},
        ]});
        site.put(PLAN, &plan).await.is(200);
        let kept = site.get(PLAN).await.is(200).json;
        assert_eq!(kept["steps"][0]["step"], "4d", "the earliest first");
        let new = site.clinic.book(site.patient, "visit-2", starts).await;
        let steps = |rows: Vec<sotto::db::reminder::ReminderRow>| -> Vec<String> {
            rows.into_iter().map(|row| row.step).collect()
        };
        assert_eq!(steps(site.clinic.steps(old).await), ["7d", "2d", "3h"]);
        assert_eq!(steps(site.clinic.steps(new).await), ["4d", "1h"]);
        for wrong in [
            json!({"steps": [{"step": "1h", "minutes_before": 1}]}),
            json!({"steps": [{"step": "", "minutes_before": 60}]}),
            json!({"steps": vec![json!({"step": "1h", "minutes_before": 60}); 7]}),
            json!({"steps": [{"step": "a", "minutes_before": 60},
                {"step": "b", "minutes_before": 60}]}),
        ] {
            site.put(PLAN, &wrong).await.is_about("steps");
        }
        assert_eq!(site.get(PLAN).await.is(200).json, kept);
        site.clinic.is_proved().await;
    }

    async fn office_hours_are_kept_as_written(db: TestDb) {
        let site = Site::open(db).await;
        let hours = json!({
            "week": {"mon": ["08:00-12:00", "13:00-17:00"], "sat": ["09:00-12:00"]},
            "closed": ["2027-12-24"],
        });
        site.put(HOURS, &hours).await.is(200);
        assert_eq!(site.get(HOURS).await.is(200).json, hours);
        let wrong: [Value; 4] = [
            json!({"week": {"monday": []}}),
            json!({"week": {"mon": ["17:00-08:00"]}}),
            json!({"week": {"mon": ["08:00-12:00", "11:00-13:00"]}}),
            json!({"week": {}, "closed": ["Christmas"]}),
        ];
        for hours in wrong {
            site.put(HOURS, &hours).await.is_about("week");
        }
        assert_eq!(site.get(HOURS).await.is(200).json, hours);
        let changed = site.entries("practice.changed").await;
        let named: Vec<_> = changed.iter().filter(|e| e["codes"] == json!(["office_hours"])).collect();
        assert_eq!(named.len(), 1);
        assert_eq!(named[0]["actor"]["kind"], "token");
        site.clinic.is_proved().await;
    }
}
