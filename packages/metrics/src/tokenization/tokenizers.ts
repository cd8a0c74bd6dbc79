import { splitAtWhitespace } from './tokens.js';

/**
 * The characters of a text that are not whitespace, as sacreBLEU's `char`.
 *
 *     tokens = code points without whitespace
 *
 * Misleads where what a reader takes for one character is several, such as letters with combining accents.
 *
 * @see Post 2018 (sacreBLEU), https://aclanthology.org/W18-6319
 *
 * @example
 * ```ts
 * splitCharacters('so 12'); // => ['s', 'o', '1', '2']
 * ```
 */
export function splitCharacters(text: string): string[] {
  return text.match(NOT_SPACE) ?? [];
}

/**
 * Words as rouge-score makes them, without stemming.
 *
 *     tokens = runs of a-z and 0-9 in the lower-cased text
 *
 * Misleads for other alphabets than the English one: their letters are dropped.
 *
 * @see https://pypi.org/project/rouge-score
 *
 * @example
 * ```ts
 * rougeTokens("It's 12.5"); // => ['it', 's', '12', '5']
 * ```
 */
export function rougeTokens(text: string): string[] {
  return text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

/**
 * Words as mteval-v13a makes them: sacreBLEU's `13a`, the standard of machine translation.
 *
 *     ASCII punctuation stands alone, but for apostrophes, for . and , between digits, and for - not after a digit
 *
 * Misleads for text with other punctuation than ASCII's, which stays glued to words: see {@link intlTokens}.
 *
 * @see Post 2018 (sacreBLEU), https://aclanthology.org/W18-6319
 *
 * @example
 * ```ts
 * mtevalTokens('Costs $3.88, roughly.'); // => ['Costs', '$', '3.88', ',', 'roughly', '.']
 * ```
 */
export function mtevalTokens(text: string): string[] {
  const unescaped = text
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return rewritten(` ${unescaped} `, [
    [/[!-&(-+/:-@[-`{-~]/gu, ' $& '],
    [/([^0-9])([.,])/gu, '$1 $2 '],
    [/([.,])([^0-9])/gu, ' $1 $2'],
    [/([0-9])-/gu, '$1 - '],
  ]);
}

/**
 * Words as mteval-v14 makes them for all languages: sacreBLEU's `intl`.
 *
 *     punctuation (Unicode P) stands alone, but not between digits; symbols (Unicode S) always do
 *
 * Misleads at the end of a text: a full stop after a number stays with it, as in the original.
 *
 * @see Post 2018 (sacreBLEU), https://aclanthology.org/W18-6319
 *
 * @example
 * ```ts
 * intlTokens('«Ja», 3,5 €!'); // => ['«', 'Ja', '»', ',', '3,5', '€', '!']
 * ```
 */
export function intlTokens(text: string): string[] {
  return rewritten(text, [
    [/(\P{N})(\p{P})/gu, '$1 $2 '],
    [/(\p{P})(\P{N})/gu, ' $1 $2'],
    [/\p{S}/gu, ' $& '],
  ]);
}

/**
 * Words as the Penn Treebank has them: NLTK's `NLTKWordTokenizer`.
 *
 *     quotes become `` and '', clitics ('s, n't, 'll) and punctuation stand alone, a full stop only at the end
 *
 * NLTK's `word_tokenize` cuts sentences first; this takes the text for one sentence, so that full stops inside it stay
 * with their words. Misleads for other languages than English.
 *
 * @param text - One sentence.
 * @see Marcus et al. 1993, https://aclanthology.org/J93-2004; NLTK, https://www.nltk.org/api/nltk.tokenize.destructive.html
 *
 * @example
 * ```ts
 * treebankTokens("She said: \"I can't, it's $3.88.\""); // => ['She', 'said', ':', '``', 'I', 'ca', "n't", ',', 'it', "'s", '$', '3.88', '.', "''"]
 * ```
 */
export function treebankTokens(text: string): string[] {
  return rewritten(` ${rewrite(text, BEFORE)} `, AFTER);
}

type Rule = readonly [pattern: RegExp, replacement: string];

/** Python's whitespace, inside of a class. */
const SPACE =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const NOT_SPACE = /* @__PURE__ */ new RegExp(`[^${SPACE}]`, 'gu');
/** Python's word characters, inside of a class. */

const WORD = '\\p{L}\\p{N}_';

const rule = (pattern: string, replacement: string, flags = 'gu'): Rule => [
  new RegExp(pattern, flags),
  replacement,
];

/** Opening quotes and punctuation. */
const BEFORE: readonly Rule[] = /* @__PURE__ */ (() => [
  rule('[«“‘„]|`+', ' $& '),
  rule('^"', '``'),
  rule('``', ' `` '),
  rule(`([ ([{<])("|'')`, '$1 `` '),
  rule(`(?<![${WORD}])'(?!(?:re|ve|ll|[mtsdn])(?![${WORD}]))(?=[${WORD}])`, "' ", 'giu'),
  // What closes after the last full stop; the lookahead takes all of it at once.
  rule(`([^.])\\.(?=([\\])}>"'»”’ ]*))\\2[${SPACE}]*$`, '$1 . $2 '),
  rule('([:,])(\\P{Nd})', ' $1 $2'),
  rule('[:,]$', ' $& '),
  rule('\\.{2,}', ' $& '),
  rule('[;@#$%&]', ' $& '),
  rule('[\\u2012-\\u2015]', ' $& '),
  rule(`([^.])\\.([\\])}>"']*)[${SPACE}]*$`, '$1 .$2 '),
  rule('[?!]', ' $& '),
  rule("([^'])' ", "$1 ' "),
  rule('[*]', ' $& '),
  rule('[\\][(){}<>]', ' $& '),
  rule('--', ' -- '),
])();

/** Closing quotes, clitics, and words that are two. */
const AFTER: readonly Rule[] = /* @__PURE__ */ (() => [
  rule('[»”’]', ' $& '),
  rule("''", " '' "),
  rule('"', " '' "),
  rule(`[${SPACE}]+`, ' '),
  rule(`([^' ])('[sSmMdD]|') `, '$1 $2 '),
  rule(`([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) `, '$1 $2 '),
  ...[
    '(can)(not)',
    "(d)('ye)",
    '(gim)(me)',
    '(gon)(na)',
    '(got)(ta)',
    '(lem)(me)',
    "(more)('n)",
  ].map((pair) => rule(`(?<![${WORD}])${pair}(?![${WORD}])`, ' $1 $2 ', 'giu')),
  rule(`(?<![${WORD}])(wan)(na)(?=[${SPACE}])`, ' $1 $2 ', 'giu'),
  rule(` ('t)(is|was)(?![${WORD}])`, ' $1 $2 ', 'giu'),
])();

function rewrite(text: string, rules: readonly Rule[]): string {
  return rules.reduce((line, [pattern, replacement]) => line.replace(pattern, replacement), text);
}

function rewritten(text: string, rules: readonly Rule[]): string[] {
  return splitAtWhitespace(rewrite(text, rules));
}
