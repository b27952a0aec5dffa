//! What a built binary is, from its ELF header: for which processor, and whether it stands alone.

/// The facts that decide whether Lambda can run a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elf {
    /// `e_machine`: 62 is x86-64, 183 is AArch64.
    pub machine: u16,
    /// Whether it needs no dynamic loader.
    pub is_static: bool,
}

impl Elf {
    /// Reads the header of a 64-bit little-endian ELF file; `None` for anything else.
    pub fn read(file: &[u8]) -> Option<Self> {
        const PT_INTERP: u32 = 3;
        if file.get(..6)? != [0x7f, b'E', b'L', b'F', 2, 1] {
            return None;
        }
        let half = |at: usize| Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?));
        let headers = usize::try_from(u64::from_le_bytes(file.get(32..40)?.try_into().ok()?)).ok()?;
        let (size, count) = (usize::from(half(54)?), usize::from(half(56)?));
        let kinds = (0..count).map(|index| {
            let at = headers.checked_add(index.checked_mul(size)?)?;
            Some(u32::from_le_bytes(file.get(at..at.checked_add(4)?)?.try_into().ok()?))
        });
        let kinds: Vec<u32> = kinds.collect::<Option<_>>()?;
        Some(Self { machine: half(18)?, is_static: !kinds.contains(&PT_INTERP) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(machine: u16, kinds: &[u32]) -> Vec<u8> {
        let mut file = vec![0; 64 + 56 * kinds.len()];
        file[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        file[18..20].copy_from_slice(&machine.to_le_bytes());
        file[32..40].copy_from_slice(&64_u64.to_le_bytes());
        file[54..56].copy_from_slice(&56_u16.to_le_bytes());
        file[56..58].copy_from_slice(&u16::try_from(kinds.len()).unwrap().to_le_bytes());
        for (index, kind) in kinds.iter().enumerate() {
            file[64 + 56 * index..][..4].copy_from_slice(&kind.to_le_bytes());
        }
        file
    }

    #[test]
    fn a_binary_with_an_interpreter_is_not_static() {
        assert_eq!(Elf::read(&header(183, &[1, 1])), Some(Elf { machine: 183, is_static: true }));
        assert_eq!(Elf::read(&header(62, &[6, 3, 1])), Some(Elf { machine: 62, is_static: false }));
    }

    #[test]
    fn what_is_no_elf_file_or_is_cut_off_is_nothing() {
        assert_eq!(Elf::read(b"#!/bin/sh"), None);
        assert_eq!(Elf::read(&header(62, &[1, 1])[..100]), None);
        assert_eq!(Elf::read(&[]), None);
    }
}
