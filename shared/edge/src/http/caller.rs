//! Who is calling, from the claims the authorizer has verified.

use domain::id::CustomerId;
use serde_json::Value;

/// What a caller may do in general. Ownership is checked per resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Serves himself only. Whoever is in no staff group is a customer.
    Customer,
    /// Sees and serves every customer.
    Staff,
    /// Staff that also reverses, grants and sets up.
    Admin,
}

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A person who signed in.
    Person {
        /// The customer this person is.
        customer: CustomerId,
        /// The user pool's user name.
        username: String,
        /// The strongest role of the person's groups.
        role: Role,
        /// The groups as claimed.
        groups: Vec<String>,
    },
    /// A partner's machine client.
    Partner {
        /// The client id.
        client: String,
    },
}

impl Caller {
    /// Reads the authorizer's claims. Every claim is a string; `cognito:groups` is `a,b` from API Gateway and
    /// `[a b]` from some emulators. A token without `username` is a machine's: `sub` alone is never a customer.
    pub fn from_claims(claims: &Value) -> Option<Self> {
        let claim = |name: &str| claims.get(name).and_then(Value::as_str);
        let subject = claim("sub")?;
        let Some(username) = claim("username") else {
            return Some(Self::Partner { client: claim("client_id")?.to_owned() });
        };
        let groups: Vec<String> = claim("cognito:groups")
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .split([',', ' '])
            .filter(|group| !group.is_empty())
            .map(str::to_owned)
            .collect();
        let role = if groups.iter().any(|group| group == "admins") {
            Role::Admin
        } else if groups.iter().any(|group| group == "staff") {
            Role::Staff
        } else {
            Role::Customer
        };
        Some(Self::Person { customer: CustomerId::from_subject(subject)?, username: username.to_owned(), role, groups })
    }

    /// The customer behind the token; a partner is none.
    pub fn customer(&self) -> Option<&CustomerId> {
        match self {
            Self::Person { customer, .. } => Some(customer),
            Self::Partner { .. } => None,
        }
    }

    /// The role; a partner has none of them.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Person { role, .. } => Some(*role),
            Self::Partner { .. } => None,
        }
    }

    /// Whether the caller serves every customer.
    pub fn is_staff(&self) -> bool {
        self.role() >= Some(Role::Staff)
    }

    /// Whether the caller is an admin.
    pub fn is_admin(&self) -> bool {
        self.role() >= Some(Role::Admin)
    }

    /// Whether what belongs to `owner` may be seen and used.
    pub fn may_serve(&self, owner: &CustomerId) -> bool {
        self.is_staff() || self.customer() == Some(owner)
    }

    /// The name under which idempotency keys and records of this caller stand; unique over people and machines.
    pub fn subject(&self) -> &str {
        match self {
            Self::Person { customer, .. } => customer.as_str(),
            Self::Partner { client } => client,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SUBJECT: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

    #[test]
    fn groups_are_read_in_both_spellings() {
        for (groups, role) in [
            ("", Role::Customer),
            ("customers", Role::Customer),
            ("customers,admins", Role::Admin),
            ("[customers staff]", Role::Staff),
            ("[staff,admins]", Role::Admin),
            ("staffers", Role::Customer),
        ] {
            let caller = Caller::from_claims(&json!({"sub": SUBJECT, "username": "u", "cognito:groups": groups}));
            assert_eq!(caller.and_then(|caller| caller.role()), Some(role), "{groups}");
        }
    }

    #[test]
    fn a_machine_is_never_a_customer() {
        let caller =
            Caller::from_claims(&json!({"sub": SUBJECT, "client_id": "partner", "scope": "florin/vouchers.buy"}));
        let caller = caller.expect("a caller");
        assert_eq!(caller.customer(), None);
        assert!(!caller.is_staff());
        assert!(!CustomerId::from_subject(SUBJECT).is_some_and(|owner| caller.may_serve(&owner)));
    }

    #[test]
    fn claims_without_a_subject_are_nobody() {
        assert_eq!(Caller::from_claims(&json!({"username": "u"})), None);
        assert_eq!(Caller::from_claims(&json!({"sub": "not-a-uuid", "username": "u"})), None);
        assert_eq!(Caller::from_claims(&json!(null)), None);
    }
}
