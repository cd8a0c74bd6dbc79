import ts from 'typescript';

/** One change of a source file. */
export interface Mutant {
  /** What is changed, for example `operator`. */
  readonly kind: string;
  /** From this character of the source on ... */
  readonly start: number;
  /** ... up to this one, */
  readonly end: number;
  /** this text is put. */
  readonly text: string;
}

/** What stands for what, both ways. */
const pairs = (...given: readonly (readonly [string, string])[]): ReadonlyMap<string, string> =>
  new Map(
    given.flatMap(([a, b]) => [
      [a, b],
      [b, a],
    ]),
  );

const OPERATORS = pairs(
  ['+', '-'],
  ['*', '/'],
  ['<', '<='],
  ['>', '>='],
  ['===', '!=='],
  ['&&', '||'],
  ['+=', '-='],
  ['++', '--'],
);

/** Methods, of tensors and of numbers, that are to each other as operators are. */
const METHODS = pairs(
  ['add', 'sub'],
  ['mul', 'div'],
  ['maximum', 'minimum'],
  ['max', 'min'],
  ['sum', 'mean'],
  ['greater', 'less'],
  ['greaterEqual', 'lessEqual'],
  ['zeros', 'ones'],
  ['zerosLike', 'onesLike'],
  ['some', 'every'],
  ['floor', 'ceil'],
);

/** Methods of one argument that are left out, so that the argument stands alone. */
const DROPPED = new Set([
  'neg',
  'square',
  'sqrt',
  'exp',
  'log',
  'abs',
  'logSoftmax',
  'softmax',
  'stopGradient',
]);

/** Methods whose two arguments are exchanged. */
const ORDERED = new Set(['sub', 'div', 'pow']);

const isText = (node: ts.Node): boolean =>
  ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);

/** Types, imports and messages of errors: nothing to be noticed by a test of numbers. */
const isLeftOut = (node: ts.Node): boolean =>
  ts.isTypeNode(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node) ||
  ts.isThrowStatement(node);

/**
 * Every change that is tried of a source file: an operator or its sides, a method, the order of two arguments, a
 * constant, a condition, or a statement left out.
 *
 * @param source - the text of a TypeScript file
 * @returns the changes in the order of the text, none of which gives the text itself
 */
export function mutantsOf(source: string): Mutant[] {
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true);
  const found: Mutant[] = [];
  const put = (kind: string, node: ts.Node, text: string): void => {
    const [start, end] = [node.getStart(file), node.getEnd()];
    if (source.slice(start, end) !== text) found.push({ kind, start, end, text });
  };
  const condition = (node: ts.Expression): void => {
    put('condition', node, 'true');
    put('condition', node, 'false');
  };
  const swap = (a: ts.Node, b: ts.Node): void => {
    const [start, end] = [a.getStart(file), b.getEnd()];
    const between = source.slice(a.getEnd(), b.getStart(file));
    const text = `${b.getText(file)}${between}${a.getText(file)}`;
    if (source.slice(start, end) !== text) found.push({ kind: 'order', start, end, text });
  };
  const visit = (node: ts.Node): void => {
    if (isLeftOut(node)) return;
    if (ts.isBinaryExpression(node)) {
      const operator = node.operatorToken.getText(file);
      const other = OPERATORS.get(operator);
      const joins = operator === '+' && (isText(node.left) || isText(node.right));
      if (other !== undefined && !joins) put('operator', node.operatorToken, other);
      if (operator === '-' || operator === '/') {
        put(
          'order',
          node,
          `((${node.right.getText(file)}) ${operator} (${node.left.getText(file)}))`,
        );
      }
      if (operator === '??') put('operator', node, node.right.getText(file));
    } else if (ts.isPrefixUnaryExpression(node)) {
      const operand = node.operand.getText(file);
      if (node.operator === ts.SyntaxKind.ExclamationToken) put('operator', node, `!!${operand}`);
      if (node.operator === ts.SyntaxKind.MinusToken) put('operator', node, operand);
    } else if (ts.isNumericLiteral(node)) {
      const value = Number(node.text.replaceAll('_', ''));
      put('constant', node, value === 0 ? '1' : String(2 * value));
    } else if (
      node.kind === ts.SyntaxKind.TrueKeyword ||
      node.kind === ts.SyntaxKind.FalseKeyword
    ) {
      put('constant', node, node.kind === ts.SyntaxKind.TrueKeyword ? 'false' : 'true');
    } else if (ts.isIfStatement(node)) {
      condition(node.expression);
    } else if (ts.isConditionalExpression(node)) {
      condition(node.condition);
    } else if (ts.isExpressionStatement(node)) {
      put('statement', node, ';');
    } else if (ts.isCallExpression(node)) {
      const [first, second] = node.arguments;
      const name = ts.isPropertyAccessExpression(node.expression)
        ? node.expression.name
        : undefined;
      const other = name && METHODS.get(name.text);
      if (other !== undefined) put('method', name!, other);
      if (name && DROPPED.has(name.text) && first) put('method', node, `(${first.getText(file)})`);
      if (first && second) {
        const alike = ts.isIdentifier(first) && ts.isIdentifier(second);
        if (alike || (name && ORDERED.has(name.text))) swap(first, second);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found.sort((a, b) => a.start - b.start || a.end - b.end);
}

/** The source with one change. */
export const mutated = (source: string, { start, end, text }: Mutant): string =>
  source.slice(0, start) + text + source.slice(end);

/** The line of a character, from 1 on. */
export const lineAt = (source: string, start: number): number =>
  source.slice(0, start).split('\n').length;
