// What the library promises to programs: its declarations, compared with a report that is kept beside this test. Whoever
// changes the library on purpose writes the report anew: UPDATE_API_REPORT=1 npm test -- test/library/api-report

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const LIBRARY = at('src/library/library.ts');
const REPORT = at('test/library/api-report.txt');
const examples = [
  ...readFileSync(at('src/library/README.md'), 'utf8').matchAll(/^```(?:js|ts)\n([\s\S]*?)^```$/gm),
].map(([, code = '']) => code);

const report = publicPart(
  ts.transpileDeclaration(readFileSync(LIBRARY, 'utf8'), { compilerOptions: { stripInternal: true } }).outputText,
);

/** Only what is exported: imports and what stands behind the classes are our own business. */
function publicPart(declarations: string): string {
  const source = ts.createSourceFile('library.d.ts', declarations, ts.ScriptTarget.Latest, true);
  const isExported = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
  return `${source.statements
    .filter(isExported)
    .map((statement) => statement.getFullText().trim())
    .join('\n\n')}\n`;
}

const exported = [...report.matchAll(/^export (?:declare )?(?:interface|class|type|const|function) (\w+)/gm)].map(
  ([, name = '']) => name,
);

describe('the library', () => {
  it('promises what the report says', () => {
    if (process.env['UPDATE_API_REPORT'] === '1') writeFileSync(REPORT, report);
    expect(report).toBe(readFileSync(REPORT, 'utf8'));
  });

  it('explains each exported name', () => {
    expect(exported.length).toBeGreaterThan(5);
    const silent = exported.filter((name) => !new RegExp(`\\*/\\nexport (declare )?\\w+ ${name}\\b`).test(report));
    expect(silent).toEqual([]);
  });

  it('shows each exported name in an example', () => {
    const code = examples.join('\n');
    expect(exported.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
  });

  it('has examples that compile', () => {
    const files = new Map(examples.map((code, index) => [at(`test/library/example-${index}.ts`), code]));
    const options: ts.CompilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      types: ['node'],
      paths: { 'igd2pcp/pcp': [LIBRARY] },
    };
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile, getSourceFile } = host;
    host.fileExists = (path) => files.has(path) || fileExists(path);
    host.readFile = (path) => files.get(path) ?? readFile(path);
    host.getSourceFile = (path, version, ...rest) => {
      const text = files.get(path);
      return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version);
    };
    const program = ts.createProgram([...files.keys()], options, host);
    const problems = [...files.keys()].flatMap((path) => {
      const source = program.getSourceFile(path);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  });
});
