// Writes docs/metrics.md from the docstrings of @cfrl/metrics and from its last test run; `--check` only compares.
// A function whose docstring lacks a part, or that no test of its own has passed for, is an error.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { format } from 'prettier';
import ts from 'typescript';

const root = new URL('../../', import.meta.url);
const metrics = new URL('packages/metrics/', root);
const page = new URL('docs/metrics.md', root);
const read = (url) => readFileSync(url, 'utf8');

const chapters = {
  confidence: 'Confidence and entropy',
  calibration: 'Calibration',
  diversity: 'Diversity of outputs',
  divergence: 'Between runs',
  success: 'Success of several samples',
  geometry: 'Geometry of features',
  inference: 'Statistics',
  tokenization: 'Tokenizers',
};

const libraries = [
  ...[
    'NLTK',
    'sacreBLEU',
    'rouge-score',
    'scipy',
    'scikit-learn',
    'numpy',
    'statsmodels',
    'rliable',
  ],
  ...['vendi-score', 'mauve-text', 'uncertainty-calibration', 'Python'],
];

/** The parts of the docstring of every exported function of a file. */
function documented(file) {
  const text = read(new URL(`src/${file}.ts`, metrics));
  const blocks = text.matchAll(
    /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*export (?:async )?(?:function|const) (\w+)/g,
  );
  return [...blocks]
    .map(([, comment, name]) => ({ name, body: comment.replace(/^[ \t]*\* ?/gm, '').trim() }))
    .filter(({ body }) => body.includes('@example'))
    .map(({ name, body }) => {
      const [prose, ...tags] = body.split(/^(?=@)/m);
      const formula = prose.match(/^( {4}.*\n?)+/m)?.[0].trimEnd();
      const flowing = prose
        .replace(/^ {4}.*$/gm, '\n')
        .replace(/\{@link (\w+)\}/g, '`$1`')
        .split(/\n\s*\n/)
        .map((part) => part.replaceAll(/\s+/g, ' ').trim())
        .filter(Boolean);
      const rest = flowing.slice(1).join(' ');
      const misleads = rest.match(/Misleads .*$/)?.[0];
      const source = tags
        .find((tag) => tag.startsWith('@see'))
        ?.slice(4)
        .replaceAll(/\s+/g, ' ')
        .trim();
      return {
        name,
        summary: flowing[0],
        formula,
        about: rest.replace(/Misleads .*$/, '').trim(),
        misleads,
        source,
      };
    });
}

/** `file title` of every test that draws its cases. */
function properties() {
  const folder = new URL('test/', metrics);
  const found = new Set();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.test.ts'))) {
    const source = ts.createSourceFile(
      file,
      read(new URL(file, folder)),
      ts.ScriptTarget.Latest,
      true,
    );
    const visit = (node) => {
      if (ts.isCallExpression(node) && ts.isStringLiteralLike(node.arguments[0] ?? node)) {
        const isTest = /^it(\.each)?\b/.test(node.expression.getText());
        if (isTest && node.getText().includes('fc.assert'))
          found.add(`${file} ${node.arguments[0].text}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

/** What the test run proved of a function. */
function proofsOf(results) {
  const drawn = properties();
  const tests = results.testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults.map((test) => ({ ...test, file: file.split('/').at(-1) })),
  );
  return (name) => {
    const own = tests.filter(({ ancestorTitles }) => ancestorTitles.at(-1) === name);
    const passed = own.filter(({ status }) => status === 'passed');
    if (passed.length === 0 || passed.length < own.length) {
      throw new Error(
        `glossary: ${name} has ${passed.length} passed tests of ${own.length}; run the tests of @cfrl/metrics`,
      );
    }
    const compared = libraries.filter((library) =>
      passed.some(({ title }) => new RegExp(`^equals .*\\b${library}\\b`).test(title)),
    );
    const browser = tests.find(({ title }) => title === `${name} gives what it gives in Node.js`);
    if (browser?.status !== 'passed') {
      throw new Error(
        `glossary: ${name} was not compared in Chromium; run the tests where they can (see test/browser.test.ts)`,
      );
    }
    const passes = (title) =>
      tests.some((test) => test.title === title && test.status === 'passed');
    if (!passes(`give a value or the one error: ${name}`)) {
      throw new Error(
        `glossary: ${name} was not tried on extremes; run the tests of @cfrl/metrics (test/extremes.test.ts)`,
      );
    }
    return [
      ...(compared.length > 0 ? [`equal to ${compared.join(', ')}`] : []),
      ...(passed.some(({ file, title }) => drawn.has(`${file} ${title}`))
        ? ['properties of drawn cases']
        : []),
      `${passed.length} tests of its own passed`,
      'extremes give a value or the one error',
      ...(passes(`are taken by ${name}`) ? ['a million entries are taken'] : []),
      'the built package gives the same in Chromium',
    ].join('; ');
  };
}

function entry({ name, summary, formula, about, misleads, source }, proofs) {
  const missing = Object.entries({ summary, formula, misleads, source }).find(([, part]) => !part);
  if (missing) throw new Error(`glossary: the docstring of ${name} lacks its ${missing[0]}`);
  return [
    `### \`${name}\``,
    summary,
    `\`\`\`text\n${formula.replaceAll(/^ {4}/gm, '')}\n\`\`\``,
    ...(about === '' ? [] : [about]),
    `- ${misleads}`,
    `- Source: ${source}`,
    `- Proof: ${proofs(name)}.`,
  ]
    .join('\n\n')
    .replaceAll('\n\n- ', '\n- ')
    .replace('\n- ', '\n\n- ');
}

const results = JSON.parse(read(new URL('.vitest-results/results.json', metrics)));
const proofs = proofsOf(results);
const exported = [
  ...read(new URL('src/index.ts', metrics)).matchAll(/export \{[^}]*\} from '\.\/(.*)\.js'/g),
].map(([, file]) => file);
for (const file of exported) {
  if (!Object.keys(chapters).some((folder) => file.startsWith(`${folder}/`)))
    throw new Error(
      `glossary: src/${file}.ts is in the folder of no chapter, expected one of ${Object.keys(chapters).join(', ')}`,
    );
}
const content = [
  '# Glossary of metrics',
  `What each function of [\`@cfrl/metrics\`](../packages/metrics) computes, when it misleads, and what holds it to that. Made from the docstrings and
the test run by \`node tools/packages/glossary.mjs\` (after \`npx nx test @cfrl/metrics\`); CI refuses a page that is out of date. The libraries' versions are in
[requirements.txt](../tools/fixtures/metrics/requirements.txt).`,
  ...Object.entries(chapters).flatMap(([folder, title]) => [
    `## ${title}`,
    ...exported
      .filter((file) => file.startsWith(`${folder}/`))
      .flatMap(documented)
      .map((part) => entry(part, proofs)),
  ]),
].join('\n\n');

const config = JSON.parse(read(new URL('.prettierrc.json', root)));
const formatted = await format(content, { ...config, parser: 'markdown' });

if (process.argv.includes('--check')) {
  if (read(page) !== formatted) {
    console.error('glossary: docs/metrics.md is out of date; run node tools/packages/glossary.mjs');
    process.exitCode = 1;
  }
} else {
  writeFileSync(page, formatted);
  console.log(`${fileURLToPath(page)}: ${content.split('\n### ').length - 1} functions`);
}
