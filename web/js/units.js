// The one unit in which the whole page shows rates. Pure.

export const YEAR_HOURS = 8760;

// `decimals` are the least that are shown of a percentage in this unit.
export const UNITS = {
  interval: { label: "per interval", hours: null, decimals: 4 },
  hour: { label: "per hour", hours: 1, decimals: 5 },
  eight: { label: "per 8 h", hours: 8, decimals: 4 },
  year: { label: "per year", hours: YEAR_HOURS, decimals: 2 },
};
export const DEFAULT_UNIT = "interval";

// A rate per funding interval of `hours`, in percent of `unit`; null where it cannot be known.
export function inUnit(rate, hours, unit) {
  if (typeof rate !== "number") return null;
  const wanted = UNITS[unit].hours;
  if (wanted === null) return rate * 100;
  return hours ? (rate / hours) * wanted * 100 : null;
}

// The unit for what has no interval of its own, such as a difference between two contracts.
export const withoutInterval = (unit) => (UNITS[unit].hours === null ? "eight" : unit);

// A rate per hour, in percent of `unit`; one per interval cannot be made of it.
export const ofHourly = (hourly, unit) => inUnit(hourly, 1, withoutInterval(unit));

// Why a rate is not shown, in words.
export function whyUnknown(row, unit) {
  if (row.fundingRate === null) {
    return row.nextFundingTime === null
      ? "the contract has no funding"
      : "the exchange sent no funding rate";
  }
  return UNITS[unit].hours !== null && !row.fundingIntervalHours
    ? "nobody knows the funding interval of this contract"
    : "";
}
