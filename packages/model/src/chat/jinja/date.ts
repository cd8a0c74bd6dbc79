const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Python's `strftime`, in English and local time, for what templates ask. */
export function formatDate(date: Date, format: string): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const [month, day, hour] = [
    MONTHS[date.getMonth()]!,
    DAYS[date.getDay()]!,
    date.getHours() % 12 || 12,
  ];
  const dayOfYear =
    Math.round(
      (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) -
        Date.UTC(date.getFullYear(), 0, 1)) /
        86_400_000,
    ) + 1;
  const parts: Readonly<Record<string, string>> = {
    ...{ Y: String(date.getFullYear()), y: two(date.getFullYear() % 100) },
    ...{ m: two(date.getMonth() + 1), B: month, b: month.slice(0, 3), h: month.slice(0, 3) },
    ...{
      d: two(date.getDate()),
      e: String(date.getDate()).padStart(2),
      A: day,
      a: day.slice(0, 3),
    },
    ...{
      j: String(dayOfYear).padStart(3, '0'),
      w: String(date.getDay()),
      u: String(date.getDay() || 7),
    },
    ...{ H: two(date.getHours()), I: two(hour), p: date.getHours() < 12 ? 'AM' : 'PM' },
    ...{ M: two(date.getMinutes()), S: two(date.getSeconds()), '%': '%', n: '\n', t: '\t' },
    // The same without zeros in front, as in glibc.
    ...{ '-d': String(date.getDate()), '-m': String(date.getMonth() + 1) },
    ...{ '-H': String(date.getHours()), '-I': String(hour), '-M': String(date.getMinutes()) },
    ...{ '-S': String(date.getSeconds()), '-j': String(dayOfYear) },
  };
  const whole: Readonly<Record<string, string>> = {
    ...{ F: '%Y-%m-%d', T: '%H:%M:%S', R: '%H:%M', D: '%m/%d/%y', c: '%a %b %e %H:%M:%S %Y' },
    ...{ x: '%m/%d/%y', X: '%H:%M:%S' },
  };
  return format.replace(/%(-?.)/gs, (_, letter: string) => {
    if (Object.hasOwn(whole, letter)) return formatDate(date, whole[letter]!);
    const part = Object.hasOwn(parts, letter) ? parts[letter] : undefined;
    if (part === undefined) throw new RangeError(`it asks for %${letter} of the date`);
    return part;
  });
}
