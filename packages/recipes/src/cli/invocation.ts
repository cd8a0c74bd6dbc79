import { basename, relative, sep } from 'node:path';

/** How this process was started. */
export interface Started {
  /** Node's own options, the program, its arguments. */
  readonly argv: readonly string[];
  readonly execArgv: readonly string[];
  readonly cwd: string;
  /** The whole command, where the program that started this one knows it better. */
  readonly command: string | undefined;
}

const quoted = (word: string): string =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The command that the user gave, to be given again: never one that only works elsewhere. */
export function invocation({ argv, execArgv, cwd, command }: Started): string {
  if (command !== undefined && command !== '') return command;
  const [, program = '', ...args] = argv;
  const installed = basename(program) === 'cfrl' || program.split(sep).includes('node_modules');
  const start = installed
    ? ['npx', 'cfrl']
    : ['node', ...execArgv, relative(cwd, program) || program];
  return [...start, ...args].map(quoted).join(' ');
}

/** The command that started this process. */
export const thisInvocation = (): string =>
  invocation({
    argv: process.argv,
    execArgv: process.execArgv,
    cwd: process.cwd(),
    command: process.env['CFRL_COMMAND'],
  });
