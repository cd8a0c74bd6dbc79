const MONTHS =
  'January February March April May June July August September October November December'.split(
    ' ',
  );
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** What stands for several letters. */
const WHOLE: Readonly<Record<string, string>> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
  c: '%a %b %e %H:%M:%S %Y',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

/** Python's `strftime`, in English and local time, for what templates ask. */
export function formatDate(date: Date, format: string): string {
  const [month, day] = [MONTHS[date.getMonth()]!, DAYS[date.getDay()]!];
  const midnight = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  const dayOfYear = Math.round((midnight - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000) + 1;
  const texts: Readonly<Record<string, string>> = {
    Y: String(date.getFullYear()),
    B: month,
    b: month.slice(0, 3),
    h: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    e: String(date.getDate()).padStart(2),
    w: String(date.getDay()),
    u: String(date.getDay() || 7),
    p: date.getHours() < 12 ? 'AM' : 'PM',
    '%': '%',
    n: '\n',
    t: '\t',
  };
  /** Numbers with zeros in front, which `%-d` leaves out as in glibc. */
  const numbers: Readonly<Record<string, number>> = {
    y: date.getFullYear() % 100,
    m: date.getMonth() + 1,
    d: date.getDate(),
    j: dayOfYear,
    H: date.getHours(),
    I: date.getHours() % 12 || 12,
    M: date.getMinutes(),
    S: date.getSeconds(),
  };
  return format.replace(/%(-?)(.)/gs, (_, bare: string, letter: string) => {
    const number = Object.hasOwn(numbers, letter) ? String(numbers[letter]) : undefined;
    if (number !== undefined) return bare ? number : number.padStart(letter === 'j' ? 3 : 2, '0');
    if (!bare && Object.hasOwn(WHOLE, letter)) return formatDate(date, WHOLE[letter]!);
    if (!bare && Object.hasOwn(texts, letter)) return texts[letter]!;
    throw new RangeError(`it asks for %${bare}${letter} of the date`);
  });
}
