//! `POST /api/v1/check`: what a text would reveal, and how to say it safely.

use serde_json::{Value, json};

use super::Site;
use crate::on_both_engines;

const CHECK: &str = "/api/v1/check";

on_both_engines! {
    async fn a_text_is_judged_and_another_wording_offered(db: TestDb) {
        let site = Site::open(db).await;
        let ask = async |text: &str, channel: &str| -> Value {
            site.post(CHECK, &json!({"text": text, "channel": channel})).await.is(200).json
        };
        let told = ask("Hi Maria, your A1c came back at 9.2. Please call us.", "sms").await;
        assert_eq!((&told["verdict"], &told["level"]), (&json!("block"), &json!(3)));
        assert!(told["findings"].as_array().unwrap().iter().any(|f| f["rule"] == "lab_result.value"));
        assert_eq!(told["preview"]["kind"], "lock_screen");
        let safe = told["rewrite"]["text"].as_str().unwrap();
        let again = ask(safe, "sms").await;
        assert_eq!((&again["verdict"], &again["rewrite"]), (&json!("pass"), &Value::Null), "{safe}");
        let portal = ask("Hi Maria, your A1c came back at 9.2. Please call us.", "portal").await;
        assert_eq!((&portal["verdict"], &portal["rewrite"]), (&json!("pass"), &Value::Null));
        assert_eq!(portal["preview"]["kind"], "nothing");
        site.post(CHECK, &json!({"text": "hi", "channel": "pigeon"})).await.is_about("channel");
        assert_eq!(site.count("message").await, 0, "nothing is stored");
    }
}
