//! POSIX access lists as the xattr system.posix_acl_access holds them (include/uapi/linux/posix_acl_xattr.h).

use super::identity::Identity;

const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// Whether the list lets `who` execute (posix_acl_permission in fs/posix_acl.c); `None` for a broken list.
pub(super) fn may_execute(list: &[u8], who: &Identity, owner: u32, group: u32) -> Option<bool> {
    let rows = list.strip_prefix(&[2, 0, 0, 0])?;
    let (rows, []) = rows.as_chunks::<8>() else { return None };
    let rows: Vec<(u16, bool, u32)> = rows
        .iter()
        .map(|&[t0, t1, p0, _, i0, i1, i2, i3]| {
            (u16::from_le_bytes([t0, t1]), p0 & 1 != 0, u32::from_le_bytes([i0, i1, i2, i3]))
        })
        .collect();
    let of = |tag| rows.iter().find(|row| row.0 == tag).map(|row| row.1);
    let masked = |allowed: bool| allowed && of(MASK).unwrap_or(true);
    if who.uid == owner {
        return of(USER_OBJ);
    }
    if let Some(row) = rows.iter().find(|row| row.0 == USER && row.2 == who.uid) {
        return Some(masked(row.1));
    }
    let mine: Vec<bool> = rows
        .iter()
        .filter(|row| (row.0 == GROUP_OBJ && who.is_in(group)) || (row.0 == GROUP && who.is_in(row.2)))
        .map(|row| row.1)
        .collect();
    if mine.is_empty() { of(OTHER) } else { Some(masked(mine.contains(&true))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0];
        for (tag, bits, id) in rows {
            bytes.extend([tag.to_le_bytes(), bits.to_le_bytes()].concat());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_named_user_within_the_mask() {
        let who = Identity::named("8", "", "").unwrap();
        let rows = |mask| list(&[(USER_OBJ, 7, 0), (USER, 7, 8), (GROUP_OBJ, 0, 0), (MASK, mask, 0), (OTHER, 0, 0)]);
        assert_eq!(may_execute(&rows(7), &who, 0, 0), Some(true));
        assert_eq!(may_execute(&rows(6), &who, 0, 0), Some(false));
        assert_eq!(may_execute(b"", &who, 0, 0), None);
    }

    #[test]
    fn one_of_several_groups_is_enough() {
        let who = Identity::named("u", "u:x:8:8::", "g:x:9:u").unwrap();
        let rows = [(USER_OBJ, 0, 0), (GROUP_OBJ, 0, 0), (GROUP, 6, 8), (GROUP, 1, 9), (MASK, 7, 0), (OTHER, 0, 0)];
        assert_eq!(may_execute(&list(&rows), &who, 0, 0), Some(true));
        assert_eq!(may_execute(&list(&rows[..3]), &who, 0, 0), Some(false));
    }
}
