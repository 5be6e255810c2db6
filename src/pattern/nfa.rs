//! The automaton: Thompson's, with epsilon edges, linear in the text of the pattern.

use super::{
    parse::{Parsed, Token},
    tail::Tail,
};

pub(super) const FAIL: u32 = 0;
pub(super) const ACCEPT: u32 = 1;
/// The class of every character that the pattern does not name.
pub(super) const OTHER: u16 = 0;

#[derive(Clone, Copy)]
pub(super) enum Node {
    Fail,
    Accept,
    /// Both ways, without a character.
    Split(u32, u32),
    /// One character, then on.
    One(Take, u32),
}

/// Which characters a node takes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Take {
    Class(u16),
    /// An index into [`Program::sets`].
    Set(u16),
    NotDot,
    Any,
    /// Any, of a `**` after which nothing need come: whatever follows, it matches.
    Rest,
}

pub(super) struct Program {
    pub nodes: Vec<Node>,
    /// Of each set: where its ranges end in `ranges`, and whether it is negated.
    sets: Vec<(usize, bool)>,
    /// Of classes, both ends included.
    ranges: Vec<(u16, u16)>,
    /// Classes of characters that the pattern cannot tell apart: each run of code points begins at `bounds[i]` and has
    /// the class `classes[i]`. Classes are numbered in the order of the code points.
    bounds: Vec<u32>,
    classes: Vec<u16>,
    pub ascii: [u8; 128],
    pub dot: u16,
    pub class_count: u16,
    /// The text before the first choice, and the nodes where it leads.
    pub prefix: String,
    pub start: Vec<u32>,
    /// What every match ends with, where that decides, or is cheap to ask first.
    pub tail: Option<Tail>,
}

impl Program {
    pub fn build(parsed: &Parsed) -> Program {
        let mut program = Program {
            nodes: Vec::new(),
            sets: parsed.sets.clone(),
            ranges: Vec::new(),
            bounds: Vec::new(),
            classes: Vec::new(),
            ascii: [0; 128],
            dot: 0,
            class_count: 1,
            prefix: String::new(),
            start: Vec::new(),
            tail: None,
        };
        program.classify(parsed);
        let mut builder = Builder {
            program,
            facts: Vec::new(),
        };
        let first = builder.build(parsed);
        program = builder.program;
        program.find_prefix(first);
        let any = |&node: &u32| matches!(program.nodes[node as usize], Node::One(Take::Any, _));
        program.tail = Tail::find(&parsed.tokens, program.start.iter().any(any));
        program
    }

    fn classify(&mut self, parsed: &Parsed) {
        let mut ranges = parsed.ranges.clone();
        ranges.push(('.', '.'));
        for token in &parsed.tokens {
            if let Token::Char(c) = token {
                ranges.push((*c, *c));
            }
        }
        let bounds = &mut self.bounds;
        bounds.push(0);
        for &(low, high) in &ranges {
            for bound in [low as u32, high as u32 + 1] {
                if let Err(i) = bounds.binary_search(&bound) {
                    bounds.insert(i, bound);
                }
            }
        }
        // How many ranges begin less how many end at each bound; covered by none is OTHER.
        let mut change = vec![0i32; bounds.len()];
        for &(low, high) in &ranges {
            for (bound, by) in [(low as u32, 1), (high as u32 + 1, -1)] {
                if let Ok(i) = bounds.binary_search(&bound) {
                    change[i] += by;
                }
            }
        }
        let mut covered = 0;
        for by in change {
            covered += by;
            let class = if covered == 0 {
                OTHER
            } else {
                self.class_count
            };
            self.class_count += u16::from(covered > 0);
            self.classes.push(class);
        }
        for b in 0..128u8 {
            // Not more than 128 classes begin in ASCII.
            self.ascii[usize::from(b)] = self.class(char::from(b)) as u8;
        }
        self.dot = self.class('.');
        for &(low, high) in &parsed.ranges {
            self.ranges.push((self.class(low), self.class(high)));
        }
    }

    #[inline(never)]
    pub fn class(&self, c: char) -> u16 {
        let c = c as u32;
        self.classes[self.bounds.partition_point(|&bound| bound <= c) - 1]
    }

    pub fn takes(&self, take: Take, class: u16) -> bool {
        match take {
            Take::Class(one) => one == class,
            Take::Any | Take::Rest => true,
            Take::NotDot => class != self.dot,
            Take::Set(i) => {
                let (ranges, negated) = self.set(i.into());
                let within = ranges
                    .iter()
                    .any(|&(low, high)| low <= class && class <= high);
                class != self.dot && within != negated
            }
        }
    }

    fn set(&self, i: usize) -> (&[(u16, u16)], bool) {
        let begin = if i == 0 { 0 } else { self.sets[i - 1].0 };
        let (end, negated) = self.sets[i];
        (&self.ranges[begin..end], negated)
    }

    pub fn has_rest(&self, nodes: &[u32]) -> bool {
        nodes
            .iter()
            .any(|&node| matches!(self.nodes[node as usize], Node::One(Take::Rest, _)))
    }

    /// Goes on while there is one character that can come next.
    fn find_prefix(&mut self, first: u32) {
        let mut set = NodeSet::default();
        set.add(self, first);
        set.finish(self);
        while let Some(class) = self.only_class(&set.nodes) {
            let i = self.classes.iter().position(|&of| of == class).unwrap_or(0);
            self.prefix
                .push(char::from_u32(self.bounds[i]).unwrap_or_default());
            let from = std::mem::take(&mut set.nodes);
            set.step(self, &from, class);
        }
        self.start = set.nodes;
    }

    fn only_class(&self, nodes: &[u32]) -> Option<u16> {
        let mut only = None;
        for &node in nodes {
            match self.nodes[node as usize] {
                Node::One(Take::Class(class), _) if only.is_none_or(|one| one == class) => {
                    only = Some(class)
                }
                _ => return None,
            }
        }
        only
    }
}

/// What is known of a node, beside the node.
struct Facts {
    /// The end of the pattern is reached without a character.
    accepts: bool,
    /// The node behind the dot that comes next, [`FAIL`] if none does: where `**.` goes with zero segments.
    behind_dot: u32,
}

/// Builds from the end of the pattern to its start, so that what follows a token is known.
struct Builder {
    program: Program,
    facts: Vec<Facts>,
}

impl Builder {
    fn build(&mut self, parsed: &Parsed) -> u32 {
        self.push(Node::Fail, false, FAIL);
        let mut at = self.push(Node::Accept, true, FAIL);
        // What follows the alternatives, and those that are built.
        let mut groups: Vec<(u32, u32)> = Vec::new();
        for token in parsed.tokens.iter().rev() {
            at = match token {
                Token::Char(c) => {
                    let behind_dot = if *c == '.' { at } else { FAIL };
                    self.one(Take::Class(self.program.class(*c)), at, behind_dot)
                }
                Token::One => self.one(Take::NotDot, at, FAIL),
                Token::Set(i) if self.is_empty(*i) => FAIL,
                // A pattern is too short for more sets than that.
                Token::Set(i) => self.one(Take::Set(*i as u16), at, FAIL),
                Token::Run if at != FAIL => self.repeat(Take::NotDot, at).1,
                Token::Segments if at != FAIL => {
                    let rest = self.facts[at as usize].accepts;
                    let (one, _) = self.repeat(if rest { Take::Rest } else { Take::Any }, at);
                    self.split(one, self.facts[at as usize].behind_dot)
                }
                Token::Run | Token::Segments => FAIL,
                Token::Close => {
                    groups.push((at, FAIL));
                    at
                }
                Token::Comma | Token::Open => {
                    let (after, built) = groups.pop().unwrap_or((FAIL, FAIL));
                    let built = self.split(at, built);
                    if let Token::Open = token {
                        built
                    } else {
                        groups.push((after, built));
                        after
                    }
                }
            };
        }
        at
    }

    #[inline(never)]
    fn push(&mut self, node: Node, accepts: bool, behind_dot: u32) -> u32 {
        self.program.nodes.push(node);
        self.facts.push(Facts {
            accepts,
            behind_dot,
        });
        self.facts.len() as u32 - 1
    }

    /// A set of nothing but a dot.
    fn is_empty(&self, set: usize) -> bool {
        let dot = self.program.dot;
        let (ranges, negated) = self.program.set(set);
        !negated && ranges.iter().all(|range| *range == (dot, dot))
    }

    fn one(&mut self, take: Take, next: u32, behind_dot: u32) -> u32 {
        if next == FAIL {
            return FAIL;
        }
        self.push(Node::One(take, next), false, behind_dot)
    }

    /// The node that takes a character, and the split behind it that takes another or goes on.
    fn repeat(&mut self, take: Take, next: u32) -> (u32, u32) {
        let one = self.facts.len() as u32;
        self.push(Node::One(take, one + 1), false, FAIL);
        let accepts = self.facts[next as usize].accepts;
        (one, self.push(Node::Split(one, next), accepts, FAIL))
    }

    #[inline(never)]
    fn split(&mut self, a: u32, b: u32) -> u32 {
        if a == FAIL || a == b {
            return b;
        }
        if b == FAIL {
            return a;
        }
        let (x, y) = (&self.facts[a as usize], &self.facts[b as usize]);
        let accepts = x.accepts || y.accepts;
        let behind_dot = match (x.behind_dot, y.behind_dot) {
            (FAIL, behind) | (behind, FAIL) => behind,
            (x, y) => {
                let accepts = self.facts[x as usize].accepts || self.facts[y as usize].accepts;
                self.push(Node::Split(x, y), accepts, FAIL)
            }
        };
        self.push(Node::Split(a, b), accepts, behind_dot)
    }
}

/// A set of nodes that grows along epsilon edges, and buffers to reuse.
#[derive(Default)]
pub(super) struct NodeSet {
    bits: Vec<u64>,
    stack: Vec<u32>,
    /// After [`finish`](NodeSet::finish): the nodes that take a character, and [`ACCEPT`], in order.
    pub nodes: Vec<u32>,
}

impl NodeSet {
    #[inline(never)]
    fn add(&mut self, program: &Program, node: u32) {
        self.bits.resize(program.nodes.len() / 64 + 1, 0);
        self.stack.push(node);
        while let Some(node) = self.stack.pop() {
            let (word, bit) = (&mut self.bits[node as usize / 64], 1 << (node % 64));
            if *word & bit == 0 {
                *word |= bit;
                if let Node::Split(a, b) = program.nodes[node as usize] {
                    self.stack.extend([b, a]);
                }
            }
        }
    }

    #[inline(never)]
    fn finish(&mut self, program: &Program) {
        self.nodes.clear();
        for (i, word) in self.bits.iter_mut().enumerate() {
            let mut left = std::mem::take(word);
            while left != 0 {
                let node = i as u32 * 64 + left.trailing_zeros();
                left &= left - 1;
                if let Node::One(..) | Node::Accept = program.nodes[node as usize] {
                    self.nodes.push(node);
                }
            }
        }
    }

    /// Where a character of `class` leads from the nodes `from`.
    pub fn step(&mut self, program: &Program, from: &[u32], class: u16) {
        for &node in from {
            if let Node::One(take, next) = program.nodes[node as usize]
                && program.takes(take, class)
            {
                self.add(program, next);
            }
        }
        self.finish(program);
    }
}
