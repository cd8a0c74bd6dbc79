/** Spellings of Python's `re` that JavaScript has too, under another name. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^\(\?P</, '(?<'],
  [/^\(\?P=(\w+)\)/, '\\k<$1>'],
  [/^\\A/, '^'],
  [/^\\Z/, '$'],
  [/^\{,(\d+)\}/, '{0,$1}'],
];

/** A regular expression of Python that a whole text must match (`re.fullmatch`); a SyntaxError if JavaScript cannot say it. */
export function pythonPattern(pattern: string): RegExp {
  const [flag = '', rest = ''] = /^(\(\?i\))?(.*)$/s.exec(pattern)!.slice(1);
  let source = '';
  for (let i = 0; i < rest.length;) {
    const here = rest.slice(i);
    const found = SPELLINGS.find(([python]) => python.test(here));
    // An escaped character stays as it is, whatever follows it.
    const taken = found ? found[0].exec(here)![0] : here.slice(0, here.startsWith('\\') ? 2 : 1);
    source += found ? taken.replace(found[0], found[1]) : taken;
    i += taken.length;
  }
  return new RegExp(`^(?:${source})$`, flag === '' ? '' : 'i');
}
