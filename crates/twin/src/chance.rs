//! Chance that can be repeated: the same seed and the same question give the same answer, in
//! whatever order connections happen to ask.

/// A small generator (SplitMix64). Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// A generator for one question: the `nth` thing that happens to `who` in the world `seed`.
    pub(crate) fn of(seed: u64, who: &str, nth: u64) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in who.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let mut chance =
            Self(seed ^ hash.rotate_left(17) ^ nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        chance.next();
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from 0 up to but without `limit`; 0 when the limit is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // Taking the high half of the product keeps the bias below 2^-32 for small limits.
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// A number from 0 up to but without 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len() as u64);
        from.get(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_others_differ() {
        let ask = |seed, who, nth| Chance::of(seed, who, nth).next();
        assert_eq!(ask(1, "+15550100", 0), ask(1, "+15550100", 0));
        assert_ne!(ask(1, "+15550100", 0), ask(2, "+15550100", 0));
        assert_ne!(ask(1, "+15550100", 0), ask(1, "+15550101", 0));
        assert_ne!(ask(1, "+15550100", 0), ask(1, "+15550100", 1));
    }

    #[test]
    fn numbers_stay_in_range_and_spread() {
        let mut chance = Chance::of(7, "spread", 0);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[usize::try_from(chance.below(10)).unwrap()] += 1;
            assert!((0.0..1.0).contains(&chance.unit()));
        }
        assert!(seen.iter().all(|n| (800..1200).contains(n)), "{seen:?}");
        assert_eq!(chance.below(0), 0);
        assert!(chance.pick::<u8>(&[]).is_none());
    }
}
