import type { Outcome } from '../measure/types.js';
import type { Row } from '../rows.js';
import type { ResultRow } from './schema.js';

type Side = ResultRow['ours'];

const digits = (number: number): number => Number(number.toPrecision(5));

const rounded = ({ label, median, samples, firstMs }: Side): Side => ({
  label,
  median: digits(median),
  samples: samples.map(digits),
  firstMs: digits(firstMs),
});

/** A measured row as it is stored: with its goal, in five digits. */
export function resultRow(row: Row, outcome: Outcome): ResultRow {
  const { ratio, rounds, ours, theirs, others, differences, disturbance } = outcome;
  const side = (measured: Outcome['ours']): Side =>
    rounded({ ...measured, samples: [...measured.samples] });
  return {
    ...{ name: row.name, model: row.model, against: row.against, unit: row.unit },
    ratio: digits(ratio),
    rounds: { min: digits(rounds.min), median: digits(rounds.median), max: digits(rounds.max) },
    goal: row.goal,
    met: ratio <= row.goal,
    ours: side(ours),
    theirs: side(theirs),
    ...(disturbance === undefined ? {} : { disturbance: digits(disturbance) }),
    others: others.map((other) => ('reason' in other ? other : side(other))),
    differences: differences.map(({ quantity, difference, tolerance }) => ({
      quantity,
      difference: digits(difference),
      tolerance,
    })),
  };
}
