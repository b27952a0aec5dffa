//! Names as a bank in Lima has them in its books: Spanish and Quechua ones mostly, and those of whoever came from elsewhere.

use crate::random::Random;

const WOMEN: &[&str] = &[
    "María",
    "Ana",
    "Rosa",
    "Carmen",
    "Luz",
    "Lucía",
    "Milagros",
    "Flor",
    "Julia",
    "Elena",
    "Yesenia",
    "Pilar",
    "Sofía",
    "Valeria",
    "Camila",
    "Ximena",
    "Noemí",
    "Inés",
    "Beatriz",
    "Gladys",
    "Maribel",
    "Rocío",
    "Teresa",
    "Verónica",
];
const MEN: &[&str] = &[
    "José",
    "Luis",
    "Carlos",
    "Juan",
    "Jorge",
    "Víctor",
    "César",
    "Miguel",
    "Ángel",
    "Raúl",
    "Andrés",
    "Óscar",
    "Iván",
    "Fredy",
    "Percy",
    "Wilmer",
    "Edwin",
    "Rubén",
    "Martín",
    "Hernán",
    "Joaquín",
    "Mateo",
    "Sebastián",
    "Álvaro",
];
const FAMILIES: &[&str] = &[
    "Quispe",
    "Flores",
    "Sánchez",
    "García",
    "Rodríguez",
    "Mamani",
    "Rojas",
    "Huamán",
    "Ramos",
    "Díaz",
    "Torres",
    "Castillo",
    "Chávez",
    "Vásquez",
    "Gutiérrez",
    "Mendoza",
    "Espinoza",
    "Cruz",
    "Condori",
    "Ccopa",
    "Yupanqui",
    "Salazar",
    "Núñez",
    "Peña",
    "Cárdenas",
    "Zevallos",
    "Ñahui",
    "Palomino",
    "Ticona",
    "Apaza",
    "Choque",
    "Huanca",
    "Bustamante",
    "Montoya",
    "Villanueva",
    "Salas",
    "León",
    "Paredes",
    "Aguirre",
    "Ibáñez",
    "de la Cruz",
    "del Águila",
];
/// Given and family names of those whose families came from elsewhere.
const ELSEWHERE: &[(&[&str], &[&str])] = &[
    (&["Kenji", "Akemi", "Naomi", "Hideo", "Yuki"], &["Tanaka", "Nakamura", "Higa", "Shimabukuro", "Yamamoto"]),
    (&["Jorge", "Mei", "Wong", "Isabel", "Lin"], &["Chang", "Wong", "Siu", "Chu", "Lau"]),
    (&["Linh", "Minh", "Huong", "Tuấn", "Thảo"], &["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng"]),
    (&["Anna", "Jürgen", "Klaus", "Greta", "Jörg"], &["Müller", "Schröder", "Weiß", "Groß", "Becker"]),
    (&["Giulia", "Marco", "Paola", "Renzo", "Aldo"], &["Raimondi", "Rossi", "D'Angelo", "Canessa", "Bianchi"]),
    (&["Emily", "James", "Siobhán", "Grace", "Owen"], &["Smith", "O'Connor", "Johnson", "Brown", "McKay"]),
    (&["Chloé", "François", "Amélie", "Zoë", "Noël"], &["Lefèvre", "Dubois", "Garçon", "Moreau", "Béranger"]),
];

/// Somebody's names, and whether the family came from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub given: String,
    pub family: String,
    pub foreign: bool,
}

/// Names for one person.
pub(crate) fn name(random: &mut Random) -> Named {
    let mut one = |from: &[&str]| (*random.pick(from).unwrap_or(&"Ana")).to_owned();
    let elsewhere = one(&["", "", "", "", "", "", "yes"]) == "yes";
    if elsewhere {
        let (given, families) = random.pick(ELSEWHERE).copied().unwrap_or((WOMEN, FAMILIES));
        let mut one = |from: &[&str]| (*random.pick(from).unwrap_or(&"Ana")).to_owned();
        return Named { given: one(given), family: one(families), foreign: true };
    }
    let given = if one(&["a", "b"]) == "a" { WOMEN } else { MEN };
    // Half go by two names, and everybody has the families of both parents.
    let second = if one(&["a", "b"]) == "a" { format!(" {}", one(given)) } else { String::new() };
    let first = one(given);
    let second = if second.trim() == first { String::new() } else { second };
    Named { given: first + &second, family: format!("{} {}", one(FAMILIES), one(FAMILIES)), foreign: false }
}

/// The first word of a name as an e-mail address spells it: small letters without accents.
pub(crate) fn spelled(name: &str) -> String {
    let word = name.rsplit("de la ").next().unwrap_or(name).trim_start_matches("del ");
    word.split(' ').next().unwrap_or_default().to_lowercase().chars().filter_map(plain).collect()
}

fn plain(letter: char) -> Option<char> {
    Some(match letter {
        'a'..='z' => letter,
        'á' | 'à' | 'ả' | 'ạ' | 'ầ' | 'ấ' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' | 'ễ' => 'e',
        'í' | 'ï' => 'i',
        'ó' | 'ö' => 'o',
        'ú' | 'ü' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        'ß' => 's',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_spelled_in_an_address() {
        let all =
            [WOMEN, MEN, FAMILIES].into_iter().chain(ELSEWHERE.iter().flat_map(|(given, family)| [*given, *family]));
        for name in all.flatten() {
            let spelled = spelled(name);
            assert!(spelled.len() >= 2 && spelled.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}: {spelled}");
        }
        assert_eq!(spelled("de la Cruz"), "cruz");
        assert_eq!(spelled("D'Angelo"), "dangelo");
    }

    #[test]
    fn some_families_came_from_elsewhere() {
        let names: Vec<_> = (0..500).map(|nth: u32| name(&mut Random::of(&["name", &nth.to_string()]))).collect();
        let foreign = names.iter().filter(|name| name.foreign).count();
        assert!((30..130).contains(&foreign), "{foreign}");
        assert!(names.iter().any(|name| name.given.contains(' ')));
    }
}
