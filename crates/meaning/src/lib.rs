//! What a short text means, learned from labelled texts: a small network over words.
//!
//! Lists know words; this knows their neighbours. Each word is a vector that lies close to those of
//! words used alike, so that a text is understood though nobody listed its words. Three words at a
//! time pass through a set of filters, what each filter found most and on average goes into one
//! score for each answer. The rules that ran before tell what they saw, as marks on words and facts
//! about the text, and the network learns in which company they are right.
//!
//! [`Networks`] are read from one file that a script learns (`corpus/learn`): one or several that were
//! learned apart, whose mean errs less often than each. They answer the same to the last bit on every
//! machine, in time linear in the text, and what a word or a set of marks adds to every filter is
//! worked out once, when it is first met. Two read with them: the guard's second look at what a message
//! reveals, and the reading of patients' replies.

mod file;
mod kept;
mod marked;
mod network;
mod networks;
mod sums;
mod vocabulary;

pub use file::Malformed;
pub use network::{Spelling, Word, bit, bit_if};
pub use networks::{Networks, Reading, likelihoods};
pub use vocabulary::WordNumber;
