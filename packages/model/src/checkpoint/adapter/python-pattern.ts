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
  // An escaped character stays as it is, whatever follows it.
  const source = rest.replace(/\(\?P<|\(\?P=\w+\)|\{,\d+\}|\\./gs, (found) => {
    const spelling = SPELLINGS.find(([python]) => python.test(found));
    return spelling === undefined ? found : found.replace(...spelling);
  });
  return new RegExp(`^(?:${source})$`, flag === '' ? '' : 'i');
}
