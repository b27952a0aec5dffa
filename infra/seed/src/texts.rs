//! What people write beside a payment, and what a biller wants to know.

use serde_json::json;
use time::Month;

use crate::random::Random;

const BETWEEN_PEOPLE: &[&str] = &[
    "Alquiler",
    "Almuerzo",
    "Cuota del mes",
    "Gracias, mamá",
    "Préstamo",
    "Junta vecinal",
    "Pasajes a Cusco",
    "Feliz cumpleaños 🎂",
    "Mitad de la cena, \"La Mar\"",
    "Útiles escolares",
    "Taxi; ida y vuelta",
    "Regalo",
    // What a spreadsheet takes for a formula, were nobody careful.
    "=Total del mes",
    "+ propina",
    "-20% de descuento",
    "@Luis: pollería",
];
const SERVICES: &[&str] = &["agua", "luz", "gas", "internet", "telefono", "colegio", "municipalidad", "seguro"];
const SHOPS: &[&str] = &[
    "Hotel Monasterio",
    "Grifo Arequipa",
    "Alquiler de auto",
    "Pasaje Lima-Piura",
    "Clínica San Felipe",
    "Tienda en línea",
];
const MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "setiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

/// What a salary is called.
pub(crate) fn salary(month: Month, year: i32) -> String {
    let name = MONTHS.get(usize::from(u8::from(month)) - 1).unwrap_or(&"");
    format!("Sueldo {name} {year}")
}

/// What somebody writes beside a transfer, if anything.
pub(crate) fn between_people(random: &mut Random) -> Option<String> {
    random.percent(80).then(|| random.pick(BETWEEN_PEOPLE).map(|text| (*text).to_owned())).flatten()
}

/// A service that is paid: what the statement says, and what the biller gets.
pub(crate) fn service(random: &mut Random) -> (String, String) {
    let service = random.pick(SERVICES).unwrap_or(&"agua");
    let receipt = format!("{:03}-{:07}", 1 + random.below(20), random.below(10_000_000));
    let metadata = json!({"servicio": service, "recibo": receipt});
    (format!("Pago de {service}"), metadata.to_string())
}

/// Who reserves money before it is known how much it will be.
pub(crate) fn shop(random: &mut Random) -> String {
    (*random.pick(SHOPS).unwrap_or(&"Tienda")).to_owned()
}
