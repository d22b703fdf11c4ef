//! Files, from the form to the disk and back, on both engines.

use std::io::Cursor;

use gate::PatientId;
use sotto::access::roles::Role;
use sotto::attachments::scan::Scanner;
use sotto::audit::Kind;
use sotto::db::DbError;
use sotto::{params, sql};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::access::{Answer, Desk, Jar};
use crate::on_both_engines;

const NUMBER: &str = "+12125550171";

/// A document that would do something.
pub(crate) const ACTIVE: &[u8] = b"%PDF-1.4\n<</S /JavaScript /JS (app.alert(1))>>\n%%EOF\n";

/// A photo of more than one piece: noise does not pack.
pub(crate) fn photo() -> Vec<u8> {
    let mut seed = 7_u32;
    let picture = image::RgbImage::from_fn(600, 400, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = seed.to_be_bytes();
        image::Rgb([a, b, c])
    });
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

pub(crate) const PAPER: &[u8] =
    b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\nPlantedLine\n%%EOF\n";

async fn open(db: crate::engines::TestDb) -> (Desk, PatientId, Jar) {
    let desk = Desk::open(db).await;
    let ana = desk.clinic.patient("Ana", "en", NUMBER).await;
    let jar = come_in(&desk, Role::FrontDesk).await;
    (desk, ana, jar)
}

async fn come_in(desk: &Desk, role: Role) -> Jar {
    let (id, _) = desk.invite(&format!("{role}@harborview.example"), &[role]).await;
    desk.let_in(id).await
}

/// A signed consent to texts, with files.
pub(crate) async fn sign(
    desk: &Desk,
    ana: PatientId,
    files: &[(&str, &str, &[u8])],
    jar: &mut Jar,
) -> Answer {
    let page = desk.get(&format!("/people/{ana}"), jar).await.is(200);
    let (_, rest) = page.text.split_once("value=\"sms ").expect("an address to choose");
    let address = format!("sms {}", &rest[..36]);
    let form = [
        ("address", address.as_str()),
        ("class", "pec"),
        ("method", "paper"),
        ("language", "en"),
        ("withdrawal", "reply STOP"),
    ];
    desk.upload(&format!("/people/{ana}/consents"), &form, files, jar).await
}

/// How many rows there are of files, of their pieces and of consents.
pub(crate) async fn rows(desk: &Desk) -> [i64; 3] {
    let practice = desk.clinic.office.practice();
    let count = move |tx: &mut sotto::db::Tx<'_>| {
        let count = |row: &sotto::db::Row<'_>| row.get::<i64>(0);
        Ok::<_, DbError>([
            tx.query_one(
                sql!("SELECT COUNT(*) FROM attachment WHERE practice_id = $1"),
                params![practice],
                count,
            )?,
            tx.query_one(
                sql!("SELECT COUNT(*) FROM attachment_piece WHERE practice_id = $1"),
                params![practice],
                count,
            )?,
            tx.query_one(
                sql!("SELECT COUNT(*) FROM consent_event WHERE practice_id = $1"),
                params![practice],
                count,
            )?,
        ])
    };
    desk.clinic.db.read(count).await.unwrap()
}

pub(crate) fn links(page: &str) -> Vec<&str> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    links.map(|(link, _)| link).filter(|link| link.contains("/files/")).collect()
}

/// A clamd that finds something in every file.
pub(crate) async fn strict() -> Scanner {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut command = [0_u8; 10];
            stream.read_exact(&mut command).await.unwrap();
            while let Ok(length @ 1..) = stream.read_u32().await {
                stream.read_exact(&mut vec![0; length as usize]).await.unwrap();
            }
            stream.write_all(b"stream: Test.Signature FOUND\0").await.unwrap();
        }
    });
    Scanner::Tcp(at)
}

on_both_engines! {
    async fn a_scan_stands_behind_its_consent(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let photo = photo();
        let files: [(&str, &str, &[u8]); 2] =
            [("scan", "front page.png", &photo), ("scan", "back.pdf", PAPER)];
        let to = sign(&desk, ana, &files, &mut jar).await.is(303).to().to_owned();
        assert!(to.contains("done=consent"), "{to}");
        let [kept, pieces, consents] = rows(&desk).await;
        assert_eq!((kept, consents), (2, 2), "one consent was there");
        assert!(pieces > 2, "the photo takes more than one piece: {pieces}");

        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        let [front, back] = links(&page.text)[..] else { panic!("two scans: {}", page.text) };
        let front = desk.get(front, &mut jar).await.is(200);
        let header = |answer: &Answer, name: &str| {
            answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap()
        };
        assert_eq!(header(&front, "content-type"), "image/png");
        assert_eq!(header(&front, "content-length"), front.bytes.len().to_string());
        assert_eq!(header(&front, "cache-control"), "no-store");
        assert_eq!(header(&front, "x-content-type-options"), "nosniff");
        let shown = "inline; filename*=UTF-8''front%20page.png";
        assert_eq!(header(&front, "content-disposition"), shown);
        let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
        assert!(pixels(&front.bytes) == pixels(&photo), "pixel for pixel");
        let back = desk.get(back, &mut jar).await.is(200);
        assert_eq!(&back.bytes[..], PAPER);
        assert!(header(&back, "content-disposition").starts_with("attachment;"), "never opened here");

        let viewed = crate::people::pages::entries(&desk, Kind::ContentViewed).await;
        assert_eq!(viewed.iter().filter(|entry| entry.codes.iter().any(|code| code == "file")).count(), 2);
        assert_eq!(crate::people::pages::entries(&desk, Kind::AttachmentKept).await.len(), 2);
        desk.clinic.is_proved().await;
    }

    async fn a_file_is_opened_by_those_alone_who_may_see_what_it_belongs_to(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        sign(&desk, ana, &[("scan", "a.pdf", PAPER)], &mut jar).await.is(303);
        let page = desk.get(&format!("/people/{ana}"), &mut jar).await.is(200);
        let link = links(&page.text)[0].to_owned();
        let ben = desk.clinic.patient("Ben", "en", "+12125550172").await;
        // Under another patient's address it is not there.
        let elsewhere = link.replace(&ana.to_string(), &ben.to_string());
        desk.get(&elsewhere, &mut jar).await.is(404);
        let mut other = come_in(&desk, Role::Administrator).await;
        desk.get(&link, &mut other).await.is(403);
        let nobody = desk.get(&link, &mut Jar::default()).await;
        assert!(nobody.to().starts_with("/sign-in"));
    }

    async fn what_is_not_taken_leaves_nothing_behind(db: TestDb) {
        let (mut desk, ana, mut jar) = open(db).await;
        let before = rows(&desk).await;
        let table: [(&str, &[u8], u16, &str); 4] = [
            ("page.pdf", b"<script>alert(1)</script>", 422, "Only photos (JPEG, PNG, WebP) and PDF"),
            ("x.pdf", ACTIVE, 422, "The PDF holds a program or other files"),
            ("x.docx", b"PK\x03\x04rest", 422, "Documents are taken as PDF"),
            ("x.png", &[0; 10 * 1024 * 1024 + 1], 413, "at most 10 MB each"),
        ];
        for (name, bytes, status, words) in table {
            // One good page beside it is not kept either.
            let files: [(&str, &str, &[u8]); 2] = [("scan", "good.pdf", PAPER), ("scan", name, bytes)];
            let answer = sign(&desk, ana, &files, &mut jar).await.is(status);
            assert!(answer.text.contains(words), "{name}: {}", answer.text);
            assert_eq!(rows(&desk).await, before, "{name}");
        }
        let four: [(&str, &str, &[u8]); 4] = [("scan", "a.pdf", PAPER); 4];
        let answer = sign(&desk, ana, &four, &mut jar).await.is(413);
        assert!(answer.text.contains("at most 3"));

        desk.behind(strict().await);
        let answer = sign(&desk, ana, &[("scan", "a.pdf", PAPER)], &mut jar).await.is(422);
        assert!(answer.text.contains("virus scanner found something"));
        assert_eq!(rows(&desk).await, before);
        let refused = crate::people::pages::entries(&desk, Kind::AttachmentRefused).await;
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].patients, [ana]);
    }

    async fn no_byte_of_a_file_lies_open_in_the_database(db: TestDb) {
        let (desk, ana, mut jar) = open(db).await;
        let files: [(&str, &str, &[u8]); 1] = [("scan", "PlantedName.pdf", PAPER)];
        sign(&desk, ana, &files, &mut jar).await.is(303);
        let practice = desk.clinic.office.practice();
        let held: Vec<(Vec<u8>, Vec<u8>)> = desk
            .clinic
            .db
            .read(move |tx| {
                tx.query(
                    sql!(
                        "SELECT a.label_sealed, p.body_sealed FROM attachment a
                           JOIN attachment_piece p ON p.practice_id = a.practice_id
                                                  AND p.attachment_id = a.id
                          WHERE a.practice_id = $1"
                    ),
                    params![practice],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
            })
            .await
            .map_err(|error: DbError| error)
            .unwrap();
        assert_eq!(held.len(), 1);
        for bytes in held.iter().flat_map(|(label, body)| [label, body]) {
            assert!(!String::from_utf8_lossy(bytes).contains("Planted"));
        }
    }
}
