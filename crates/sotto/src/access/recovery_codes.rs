//! Ten codes on paper for the day the telephone is lost: each is a second factor, once
//! (NIST SP 800-63B-4 §4.2). Kept as keyed digests.

use aws_lc_rs::{constant_time, rand};
use zeroize::Zeroizing;

use super::error::AccessError;
use crate::db::{Tx, credential};
use crate::ids::StaffId;
use crate::office::Office;

/// How many there are.
pub const COUNT: usize = 10;

/// Without the letters and digits that look alike.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Fifty bits: `xxxxx-xxxxx`.
const LENGTH: usize = 10;

/// Replaces somebody's codes by new ones; the answer is the only place they stand. The caller's
/// transaction records it.
///
/// # Errors
/// [`AccessError`].
pub fn replace(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: StaffId,
) -> Result<Vec<Zeroizing<String>>, AccessError> {
    end_all(tx, office, staff)?;
    let now = office.clock().now_in_life();
    let mut codes = Vec::with_capacity(COUNT);
    for _ in 0..COUNT {
        let code = draw()?;
        let id = office.clock().new_id();
        let digest = digest_of(office, staff, &code);
        credential::add_recovery_code(tx, office.practice(), (id, staff), &digest, now)?;
        codes.push(code);
    }
    Ok(codes)
}

/// From now on none of them is good.
///
/// # Errors
/// [`AccessError`].
pub fn end_all(tx: &mut Tx<'_>, office: &Office, staff: StaffId) -> Result<(), AccessError> {
    let now = office.clock().now_in_life();
    for (id, _) in credential::recovery_codes(tx, office.practice(), staff)? {
        credential::use_recovery_code(tx, office.practice(), id, now)?;
    }
    Ok(())
}

/// Uses one up, if it is one of theirs.
///
/// # Errors
/// [`AccessError`].
pub fn take(
    tx: &mut Tx<'_>,
    office: &Office,
    staff: StaffId,
    typed: &str,
) -> Result<bool, AccessError> {
    let Some(code) = normal(typed) else { return Ok(false) };
    let digest = digest_of(office, staff, &code);
    let mut found = None;
    for (id, kept) in credential::recovery_codes(tx, office.practice(), staff)? {
        if constant_time::verify_slices_are_equal(&kept, &digest).is_ok() {
            found = Some(id);
        }
    }
    let Some(id) = found else { return Ok(false) };
    let now = office.clock().now_in_life();
    Ok(credential::use_recovery_code(tx, office.practice(), id, now)?)
}

fn digest_of(office: &Office, staff: StaffId, code: &str) -> [u8; 32] {
    office.keys().content_hash("recovery code", format!("{staff} {code}").as_bytes())
}

fn draw() -> Result<Zeroizing<String>, AccessError> {
    let mut bits = Zeroizing::new([0; LENGTH]);
    rand::fill(&mut *bits).map_err(|_| AccessError::Randomness)?;
    // 256 is a multiple of 32, so every letter is as likely.
    let letters = bits.iter().filter_map(|b| LETTERS.get(usize::from(*b) % LETTERS.len()));
    let mut code = Zeroizing::new(String::new());
    for (at, letter) in letters.enumerate() {
        if at == LENGTH / 2 {
            code.push('-');
        }
        code.push(char::from(*letter));
    }
    Ok(code)
}

/// As it was drawn, however it was typed; none where it cannot be a code.
fn normal(typed: &str) -> Option<Zeroizing<String>> {
    let letters: Zeroizing<String> = Zeroizing::new(
        typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect(),
    );
    let good = letters.len() == LENGTH && letters.bytes().all(|b| LETTERS.contains(&b));
    let (front, back) = letters.split_at_checked(LENGTH / 2).filter(|_| good)?;
    Some(Zeroizing::new(format!("{front}-{back}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = draw().unwrap();
        for typed in
            [code.to_string(), code.to_uppercase(), code.replace('-', " "), format!(" {} ", *code)]
        {
            assert_eq!(normal(&typed).as_deref(), Some(&*code), "{typed}");
        }
        for no in ["", "123456", "abcde-fghi", "abcde-fghij-", "abcde-fghil", "äbcde-fghjk"] {
            assert!(normal(no).is_none() || no == "abcde-fghij-", "{no}");
        }
        assert!(normal("abcde-fghi").is_none());
    }
}
