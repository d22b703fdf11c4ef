//! What is particular to a wire: long texts and ids on SMPP, TLS and headers on SMTP.

use std::time::Duration;

use smpp::MessageIdForm;
use sotto::channels::email_smtp::Security;
use sotto::channels::transport::{Endpoint, Roots};
use sotto::channels::{AnyAdapter, FailureKind};
use twin::{Fault, MailConfig, MessageIds, ReceiptForm, Shown, SmppConfig};

use super::bench::{Bench, PHONE, Which, email, start_smpp};

#[tokio::test]
async fn long_texts_and_emoji_arrive_whole_with_an_id_for_each_part() {
    let mut bench = Bench::start(Which::Smpp).await;
    for (text, parts) in [
        ("Lakeside: please call our office. ".repeat(9), 2),
        ("Lakeside: llámenos por favor 😀 ".repeat(5), 3),
        ("Lakeside: {call} [us] ~today~ | € ".to_owned(), 1),
    ] {
        let handoff = bench.say(&text).await.unwrap();
        assert_eq!(handoff.parts.len(), parts, "{text}");
        let got = bench
            .twin
            .look(|record| record.texts_to(PHONE).last().map(|got| (got.text.clone(), got.parts)));
        assert_eq!(got, Some((text, u16::try_from(parts).unwrap())));
        for _ in 0..parts {
            let id = bench.final_receipt().await.carrier_id;
            assert!(handoff.parts.contains(&id));
        }
    }
}

#[tokio::test]
async fn a_throttled_part_of_a_long_text_is_sent_again_alone() {
    let mut bench = Bench::start(Which::Smpp).await;
    bench.twin.faults().nth(twin::Channel::Sms, 2, Fault::Throttle);
    let text = "Lakeside: please call our office. ".repeat(9);
    let handoff = bench.say(&text).await.unwrap();
    assert_eq!(handoff.parts.len(), 2);
    bench.twin.until(|record| record.texts_to(PHONE).any(|got| got.text == text)).await;
}

#[tokio::test]
async fn ids_in_every_form_and_receipts_in_every_shape() {
    for (ids, form) in [
        (MessageIds::Decimal, MessageIdForm::Same),
        (MessageIds::Hex, MessageIdForm::Same),
        (MessageIds::HexThenDecimal, MessageIdForm::HexThenDecimal),
        (MessageIds::DecimalThenHex, MessageIdForm::DecimalThenHex),
    ] {
        for receipts in [ReceiptForm::Text, ReceiptForm::Tlv, ReceiptForm::Both] {
            let mut bench = Bench::with(Which::Smpp, |twin| {
                twin.smpp = Some(SmppConfig { ids, receipts, ..SmppConfig::default() });
            })
            .await;
            let adapter =
                start_smpp(&bench.twin, bench.sender.clone(), |settings| settings.id_form = form);
            bench.instead(AnyAdapter::SmsSmpp(adapter));
            let handoff = bench.send().await.unwrap();
            let receipt = bench.final_receipt().await;
            assert_eq!([receipt.carrier_id], handoff.parts[..], "{ids:?} {receipts:?}");
        }
    }
}

#[tokio::test]
async fn smpp_over_tls_and_over_a_carrier_that_restarts() {
    let mut bench = Bench::with(Which::Smpp, |twin| {
        twin.smpp = Some(SmppConfig { tls: Some(Shown::Good), ..SmppConfig::default() });
    })
    .await;
    let der = bench.twin.authority().der().to_vec();
    let adapter = start_smpp(&bench.twin, bench.sender.clone(), |settings| {
        settings.tls = Some(Roots::Given(vec![der]));
    });
    bench.instead(AnyAdapter::SmsSmpp(adapter));
    bench.send().await.unwrap();
    bench.twin.drop_smpp_connections();
    // Whatever the moment, the answer is never a second copy.
    let answered = bench.send().await;
    if let Err(failure) = &answered {
        assert_eq!(failure.kind, FailureKind::Uncertain);
    }
    bench.send().await.unwrap();
    assert_eq!(bench.taken(), 2 + usize::from(answered.is_ok()));
}

#[tokio::test]
async fn a_carrier_that_shows_no_good_certificate_hears_no_password() {
    let ours = |bench: &Bench| bench.twin.authority().der().to_vec();
    let stranger = twin::Authority::new().unwrap().der().to_vec();
    for (shown, trusted) in [
        (Some(Shown::Good), false),
        (Some(Shown::Expired), true),
        (Some(Shown::WrongName), true),
        (None, true),
    ] {
        let mut bench = Bench::with(Which::Smpp, |twin| {
            twin.smpp = Some(SmppConfig { tls: shown, ..SmppConfig::default() });
        })
        .await;
        let roots = if trusted { ours(&bench) } else { stranger.clone() };
        let adapter = start_smpp(&bench.twin, bench.sender.clone(), |settings| {
            settings.wait = Duration::from_millis(300);
            settings.tls = Some(Roots::Given(vec![roots]));
        });
        bench.instead(AnyAdapter::SmsSmpp(adapter));
        assert_eq!(bench.send().await.unwrap_err().kind, FailureKind::Unreachable, "{shown:?}");
        assert_eq!(bench.taken(), 0);
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_a_wrong_password_too() {
    let mut bench = Bench::with(Which::Smpp, |twin| {
        let accounts = vec![("sotto".into(), "other".into())];
        twin.smpp = Some(SmppConfig { accounts, ..SmppConfig::default() });
    })
    .await;
    for port in [None, Some(1)] {
        let adapter = start_smpp(&bench.twin, bench.sender.clone(), |settings| {
            settings.wait = Duration::from_millis(300);
            settings.endpoint.port = port.unwrap_or(settings.endpoint.port);
        });
        bench.instead(AnyAdapter::SmsSmpp(adapter));
        assert_eq!(bench.send().await.unwrap_err().kind, FailureKind::Unreachable);
    }
    assert_eq!(bench.taken(), 0);
}

#[tokio::test]
async fn mail_goes_only_over_verified_tls_and_says_how() {
    let mut bench = Bench::start(Which::Email).await;
    let facts = bench.send().await.unwrap().transport.unwrap();
    assert_eq!((facts.mode, facts.verification), ("starttls", "verified"));
    assert!(facts.tls.starts_with("TLSv1_"), "{facts:?}");
    assert!(facts.cipher.is_some());
    let seen = bench.twin.look(|record| record.mails[0].tls.clone()).unwrap();
    assert!(!seen.implicit);

    let tls = bench.twin.mail_tls_address().unwrap();
    let implicit = email(&bench.twin, bench.sender.clone(), |settings| {
        settings.security = Security::Implicit;
        settings.endpoint = Endpoint { host: tls.ip().to_string(), port: tls.port() };
    })
    .await;
    bench.instead(implicit);
    assert_eq!(bench.send().await.unwrap().transport.unwrap().mode, "implicit");
}

#[tokio::test]
async fn without_acceptable_tls_no_mail_leaves() {
    let mail = MailConfig::default;
    for (config, roots) in [
        (MailConfig { offers_starttls: false, ..mail() }, true),
        (MailConfig { certificate: Shown::WrongName, ..mail() }, true),
        (MailConfig { certificate: Shown::Expired, ..mail() }, true),
        (mail(), false),
    ] {
        let mut bench = Bench::with(Which::Email, |twin| twin.mail = Some(config.clone())).await;
        if !roots {
            let stranger = twin::Authority::new().unwrap().der().to_vec();
            let other = email(&bench.twin, bench.sender.clone(), |settings| {
                settings.roots = Roots::Given(vec![stranger]);
            })
            .await;
            bench.instead(other);
        }
        let failure = bench.send().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NoEncryption, "{config:?}");
        assert_eq!(bench.taken(), 0);
    }
}

#[tokio::test]
async fn a_mail_says_no_more_than_it_should() {
    let mut bench = Bench::start(Which::Email).await;
    let body = "Lakeside: please call our office when you can.\n.\nFrom Lakeside";
    let handoff = bench.say(body).await.unwrap();
    let mail = bench.twin.look(|record| record.mails[0].clone());
    let id = &handoff.parts[0];
    assert_eq!(mail.text.replace("\r\n", "\n").trim_end(), body);
    assert_eq!(mail.subject, "Message from Lakeside");
    assert_eq!(mail.envelope_from, format!("b-{id}@bounce.lakeside.test"));
    assert_eq!(mail.header("Message-ID").unwrap().trim(), format!("<{id}@lakeside.test>"));
    assert_eq!(mail.header("Auto-Submitted"), Some("auto-generated"));
    assert_eq!(mail.header("List-Unsubscribe"), None);
    assert_eq!(mail.envelope_id.as_deref(), Some(id.as_str()));
    assert_eq!(mail.notify.as_deref(), Some("SUCCESS,FAILURE,DELAY"));
    // The whole mail once more on the same session.
    bench.send().await.unwrap();
}

#[tokio::test]
async fn a_sign_in_that_is_wrong_is_a_matter_of_settings() {
    let mut bench = Bench::with(Which::Email, |twin| {
        let users = vec![("sotto".into(), "right".into())];
        twin.mail = Some(MailConfig { users, ..MailConfig::default() });
    })
    .await;
    for (password, works) in [("wrong", false), ("right", true)] {
        let secret = sotto::channels::Secret::new(password.into());
        let adapter = email(&bench.twin, bench.sender.clone(), |settings| {
            settings.credentials = Some(("sotto".into(), secret));
        })
        .await;
        bench.instead(adapter);
        match bench.send().await {
            Ok(_) => assert!(works),
            Err(failure) => assert_eq!((works, failure.kind), (false, FailureKind::Misconfigured)),
        }
    }
}
