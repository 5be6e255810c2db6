//! A Lua script, sent by its digest.

use super::{Commands, Reply};
use crate::error::Result;
use std::sync::OnceLock;

/// A script, and the digest by which a server that has seen it knows it.
pub(super) struct Script {
    text: &'static str,
    digest: OnceLock<String>,
}

impl Script {
    pub(super) const fn new(text: &'static str) -> Script {
        Script {
            text,
            digest: OnceLock::new(),
        }
    }

    fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut sha = sha1_smol::Sha1::new();
            sha.update(self.text.as_bytes());
            sha.digest().to_string()
        })
    }

    /// Runs the script: by its digest, and by its text where the server does not know it, which it says
    /// before it has done anything.
    pub(super) async fn run<C: Commands>(
        &self,
        commands: &C,
        keys: &[&str],
        arguments: &[&str],
        repeatable: bool,
    ) -> Result<Reply> {
        let count = keys.len().to_string();
        let mut command = vec!["EVALSHA", self.digest(), &count];
        command.extend_from_slice(keys);
        command.extend_from_slice(arguments);
        match commands.call(&command, repeatable).await? {
            Reply::Error(text) if text.starts_with("NOSCRIPT") => {
                command[0] = "EVAL";
                command[1] = self.text;
                commands.call(&command, repeatable).await?.or_error()
            }
            reply => reply.or_error(),
        }
    }
}
