//! The matcher: the automaton's states are made when a key first needs them and kept as a table.

use super::nfa::{ACCEPT, Node, NodeSet, OTHER, Program, Take};
use super::{Pattern, Verdict, tail::Middle};
use std::fmt;

/// Everything from here up is no plain state.
const FLAG: u32 = 1 << 31;
/// Not made yet.
const UNKNOWN: u32 = u32::MAX;
/// Nothing that follows matches.
const DEAD: u32 = u32::MAX - 1;
/// Everything that follows matches.
const ALL: u32 = u32::MAX - 2;
// Any other value with FLAG: a state which only a dot or the end leaves.

/// When any of these is full the table starts anew.
const MAX_STATES: usize = 1024;
const MAX_CELLS: usize = 1 << 17;
const MAX_NODES: usize = 1 << 18;
/// A pattern keeps a table of at most so many cells for the next matcher.
const KEPT_CELLS: usize = 1 << 12;

/// Matches many keys against one pattern, and gets faster while it does. See [`Pattern::matcher`].
pub struct Matcher {
    pattern: Pattern,
    /// None as long as no key has needed it.
    pub(super) table: Option<Box<Table>>,
}

pub(super) struct Table {
    /// A row per state: the next state by class, then 1 where the key may end here, with FLAG where only a dot or the
    /// end leaves. A state is the offset of its row.
    next: Vec<u32>,
    /// By state: the hash of its nodes, and where they end in `nodes`.
    states: Vec<(u32, u32)>,
    nodes: Vec<u32>,
    start: u32,
    set: NodeSet,
    #[cfg(test)]
    pub steps: usize,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            next: Vec::new(),
            states: Vec::new(),
            nodes: Vec::new(),
            start: UNKNOWN,
            set: NodeSet::default(),
            #[cfg(test)]
            steps: 0,
        }
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Matcher")
            .field(&self.pattern.as_str())
            .finish()
    }
}

impl Matcher {
    pub(super) fn new(pattern: Pattern) -> Matcher {
        Matcher {
            pattern,
            table: None,
        }
    }

    /// Whether `key` matches, and if not, from where on no key can.
    ///
    /// ```
    /// use dataknobs_kv::{Pattern, Verdict};
    ///
    /// let mut matcher = Pattern::parse("logs.2024-*").unwrap().matcher();
    /// assert_eq!(matcher.check("logs.2024-05"), Verdict::Match);
    /// assert_eq!(matcher.check("logs.2023-05"), Verdict::No { dead: Some("logs.2023".len()) });
    /// ```
    pub fn check(&mut self, key: &str) -> Verdict {
        let prefix = self.pattern.literal_prefix().as_bytes();
        // An empty text lies at no address, and memcmp, which loads from there all the same, takes 40 ns.
        if !prefix.is_empty() && !key.as_bytes().starts_with(prefix) {
            return off_prefix(key, prefix);
        }
        self.check_rest(key.as_bytes())
    }

    /// [`check`](Matcher::check) for the bytes of a key that begins with the literal prefix. Always
    /// a part of the walk that asks: for size it would not be, and a call costs as much again.
    #[inline(always)]
    pub(crate) fn check_rest(&mut self, key: &[u8]) -> Verdict {
        let program = &self.pattern.0.program;
        let at = program.prefix.len();
        let Some(tail) = &program.tail else {
            return self.run(key, at);
        };
        let before = tail.before(key);
        match tail.middle {
            Middle::Run(dot) => {
                if before.is_some_and(|before| before >= at && find_dot(key, at) == before + dot) {
                    return Verdict::Match;
                }
            }
            middle => {
                let between = before.and_then(|before| key.get(at..before));
                match between {
                    None => return Verdict::No { dead: None },
                    Some([] | [_, .., b'.']) if middle == Middle::Segments => {
                        return Verdict::Match;
                    }
                    Some(_) if middle == Middle::Segments => return Verdict::No { dead: None },
                    Some(_) => {}
                }
            }
        }
        self.run(key, at)
    }

    /// Runs the automaton from a place on.
    pub(super) fn run(&mut self, key: &[u8], mut at: usize) -> Verdict {
        let Matcher { pattern, table } = self;
        let program = &pattern.0.program;
        let table = table.get_or_insert_with(|| {
            let kept = pattern.0.table.with(Option::take);
            kept.unwrap_or_default()
        });
        let mut state = table.start;
        if state == UNKNOWN {
            state = table.restart(program);
        }
        loop {
            if state >= FLAG {
                match state {
                    DEAD => return Verdict::No { dead: Some(at) },
                    ALL => return Verdict::Match,
                    _ => {}
                }
                state &= !FLAG;
                at = find_dot(key, at);
            }
            let Some(&byte) = key.get(at) else {
                break;
            };
            let class = if byte < 128 {
                at += 1;
                u16::from(program.ascii[usize::from(byte)])
            } else {
                let c = character(key, at);
                at += c.len_utf8();
                program.class(c)
            };
            let from = state;
            state = table.next[from as usize + usize::from(class)];
            if state == UNKNOWN {
                state = table.make(program, from, class);
            }
        }
        match table.next[state as usize + usize::from(program.class_count)] & !FLAG {
            0 => Verdict::No { dead: None },
            _ => Verdict::Match,
        }
    }
}

impl Drop for Matcher {
    /// The next matcher of the pattern begins with what this one has learned.
    fn drop(&mut self) {
        let keeps = |table: &mut Box<Table>| {
            table.start != UNKNOWN
                && table.next.len() <= KEPT_CELLS
                && table.nodes.len() <= KEPT_CELLS
        };
        if let Some(table) = self.table.take_if(keeps) {
            self.pattern.0.table.with(|kept| *kept = Some(table));
        }
    }
}

/// The character at a place that is not ASCII.
fn character(key: &[u8], at: usize) -> char {
    let width = key.get(at).map_or(1, |byte| byte.leading_ones() as usize);
    let text = key
        .get(at..at + width)
        .and_then(|bytes| str::from_utf8(bytes).ok());
    text.and_then(|text| text.chars().next())
        .unwrap_or_default()
}

/// Where the first dot is, or the end: eight bytes at a time.
#[inline]
fn find_dot(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    while at < bytes.len() {
        let (word, read) = match (bytes[at..].first_chunk(), bytes.last_chunk()) {
            (Some(chunk), _) => (u64::from_le_bytes(*chunk), 8),
            // The last bytes, moved down; above them are zeros.
            (_, Some(chunk)) => {
                let read = bytes.len() - at;
                (u64::from_le_bytes(*chunk) >> (64 - 8 * read), read)
            }
            _ if bytes[at] == b'.' => return at,
            _ => (0, 1),
        };
        let other = word ^ (ONES * u64::from(b'.'));
        let dots = other.wrapping_sub(ONES) & !other & (ONES << 7);
        if dots != 0 {
            return at + dots.trailing_zeros() as usize / 8;
        }
        at += read;
    }
    at
}

/// The key does not start with the literal prefix.
#[cold]
fn off_prefix(key: &str, prefix: &[u8]) -> Verdict {
    let same = key.bytes().zip(prefix).take_while(|(a, b)| a == *b).count();
    let dead = (same < key.len()).then(|| {
        // The end of the character that differs.
        let mut end = same + 1;
        while !key.is_char_boundary(end) {
            end += 1;
        }
        end
    });
    Verdict::No { dead }
}

impl Table {
    fn restart(&mut self, program: &Program) -> u32 {
        self.set.nodes.clear();
        self.set.nodes.extend(&program.start);
        self.start = self.intern(program).0;
        self.start
    }

    /// The state behind `from`, and its cell in the table.
    #[cold]
    fn make(&mut self, program: &Program, from: u32, class: u16) -> u32 {
        let row = from as usize / (usize::from(program.class_count) + 1);
        let nodes = self.nodes_of(row);
        self.set.step(program, &self.nodes[nodes], class);
        #[cfg(test)]
        {
            self.steps += 1;
        }
        let (state, kept) = self.intern(program);
        if kept {
            self.next[from as usize + usize::from(class)] = state;
        }
        state
    }

    fn nodes_of(&self, row: usize) -> std::ops::Range<usize> {
        let begin = if row == 0 { 0 } else { self.states[row - 1].1 };
        begin as usize..self.states[row].1 as usize
    }

    /// The state of the nodes in `set`, and whether the other states were kept.
    fn intern(&mut self, program: &Program) -> (u32, bool) {
        let nodes = &self.set.nodes;
        let accepts = nodes.first() == Some(&ACCEPT);
        if nodes.is_empty() {
            return (DEAD, true);
        }
        if accepts && program.has_rest(nodes) {
            return (ALL, true);
        }
        let hash = nodes.iter().fold(0x811c_9dc5_u32, |hash, node| {
            (hash ^ node).wrapping_mul(0x0100_0193).rotate_left(5)
        });
        let stride = usize::from(program.class_count) + 1;
        for row in 0..self.states.len() {
            if self.states[row].0 == hash && self.nodes[self.nodes_of(row)] == *nodes {
                return (self.state(row, stride), true);
            }
        }
        let kept = self.states.len() < MAX_STATES
            && (self.next.len() < MAX_CELLS || self.states.len() < 32)
            && self.nodes.len() < MAX_NODES;
        if !kept {
            self.next.clear();
            self.states.clear();
            self.nodes.clear();
            self.start = UNKNOWN;
        }
        let row = self.states.len();
        self.nodes.extend(&self.set.nodes);
        self.states.push((hash, self.nodes.len() as u32));
        self.next.resize(self.next.len() + stride, UNKNOWN);
        let end = self.next.len() - 1;
        self.next[end] = u32::from(accepts);
        // Does every character but the dot lead back here?
        let nodes = self.nodes_of(row);
        let nodes = &self.nodes[nodes];
        let alike = nodes
            .iter()
            .all(|&node| match program.nodes[node as usize] {
                Node::One(Take::Class(class), _) => class == program.dot,
                Node::One(Take::Set(_), _) => false,
                _ => true,
            });
        if alike {
            self.set.step(program, nodes, OTHER);
            if self.set.nodes == nodes {
                self.next[end] |= FLAG;
            }
        }
        (self.state(row, stride), kept)
    }

    #[cfg(test)]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.next.len(), self.states.len(), self.nodes.len())
    }

    fn state(&self, row: usize, stride: usize) -> u32 {
        (row * stride) as u32 | (self.next[(row + 1) * stride - 1] & FLAG)
    }
}
