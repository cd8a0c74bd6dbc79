// Packs every package, checks the tarballs with publint and attw, installs them into an empty project, and runs a
// program there that imports each of them by name.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const names = readdirSync(join(root, 'packages'));
const work = mkdtempSync(join(tmpdir(), 'cfrl packages '));

function run(program, args, cwd = root) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status === 0) return stdout;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  throw new Error(`${program} ${args.join(' ')} ended with ${status}`);
}

function pack(name) {
  const folder = join(root, 'packages', name);
  run(bin('pnpm'), ['pack', '--pack-destination', work], folder);
  const tarball = join(
    work,
    readdirSync(work).find((file) => file.startsWith(`cfrl-${name}-`)),
  );
  run(bin('publint'), ['run', tarball, '--strict']);
  run(bin('attw'), [tarball, '--profile', 'esm-only']);
  console.log(`@cfrl/${name}: packs, publint and attw accept it`);
  return tarball;
}

/** Installs the tarballs as dependencies of one another, with the peers a user would add. */
function installInto(project, tarballs) {
  const files = Object.fromEntries(
    names.map((name, i) => [`@cfrl/${name}`, `file:${tarballs[i]}`]),
  );
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules/@tensorflow/tfjs-core/package.json'), 'utf8'),
  );
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { ...files, '@tensorflow/tfjs-core': version },
    pnpm: { overrides: files, onlyBuiltDependencies: [] },
  };
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  run(bin('pnpm'), ['install', '--ignore-workspace', '--prefer-offline', '--no-optional'], project);
}

const program = `
import { fold, useBackend } from '@cfrl/engine';
import { charTokenizer, generate, initParams, modelConfig } from '@cfrl/model';
import { loadPretrained, savePretrained } from '@cfrl/model/node';
import { groupNormalize } from '@cfrl/rl';
import { decompose } from '@cfrl/ntk';
import { selfBleu } from '@cfrl/metrics';
import { splitModel } from '@cfrl/recipes';

await useBackend('wasm');
const tokenizer = charTokenizer('ab');
const config = modelConfig({
  architecture: 'llama', vocabSize: tokenizer.vocabSize, hiddenSize: 8, layers: 1, heads: 2, maxPositions: 8,
  tiedEmbeddings: false,
});
const model = { config, params: initParams(config, fold(0, 'init')), tokenizer };
await savePretrained('model', model);
const again = await loadPretrained('model');
const texts = await generate(again, ['ab'], { maxNewTokens: 4, groupSize: 3, seed: 1 });
const { gradientNorm } = decompose(splitModel(again), [[0], [0, 1]]);
console.log(JSON.stringify({
  completions: texts.length,
  selfBleu: selfBleu(texts.map((c) => c.tokens), { maxN: 1 }).mean >= 0,
  kernel: gradientNorm.shape,
  advantages: groupNormalize([0, 1]).length,
}));
`;

try {
  const tarballs = names.map(pack);
  const project = join(work, 'project');
  installInto(project, tarballs);
  writeFileSync(join(project, 'program.js'), program);
  const printed = JSON.parse(run(process.execPath, ['program.js'], project));
  const expected = { completions: 3, selfBleu: true, kernel: [2, 2], advantages: 2 };
  if (JSON.stringify(printed) !== JSON.stringify(expected)) {
    throw new Error(
      `the program printed ${JSON.stringify(printed)}, expected ${JSON.stringify(expected)}`,
    );
  }
  const backend = run(
    process.execPath,
    ['node_modules/@cfrl/recipes/dist/cli.js', 'backend', '--no-install'],
    project,
  );
  console.log(
    `installed from the tarballs: the program runs, and cfrl backend says: ${backend.split('\n')[0]}`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
