import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from '@typescript/typescript6';
import { root } from './install.mjs';

/** The syntax tree of a file of the repository. */
export function treeOf(path) {
  return ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.Latest, true);
}

/** The module paths that a file imports from. */
export function importsOf(tree) {
  return tree.statements.filter(ts.isImportDeclaration).map(({ moduleSpecifier }) => moduleSpecifier.text);
}

/** The comment before a declaration as one line, undefined where there is none. */
export function commentOf(node) {
  const comment = node.jsDoc?.at(-1);
  if (comment === undefined) return undefined;
  const lines = comment.getText().slice('/**'.length, -'*/'.length).split('\n');
  return lines
    .map((line) => line.replace(/^\s*\*/, '').trim())
    .join(' ')
    .trim();
}

/** By name: the commented properties of the objects that exported constants are made of. */
export function commentedProperties(tree) {
  const constants = tree.statements.filter((node) => ts.isVariableStatement(node) && isExported(node));
  const declarations = constants.flatMap(({ declarationList }) => [...declarationList.declarations]);
  return declarations.map((declaration) => {
    const properties = [];
    const visit = (node) => {
      if (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) {
        const comment = commentOf(node);
        if (comment !== undefined) properties.push([node.name.text, comment]);
      }
      ts.forEachChild(node, visit);
    };
    visit(declaration);
    return [declaration.name.text, properties];
  });
}

/** The public members of a class or interface of lib/, from its declaration: how each is written, and its comment. */
export function membersOf(module, name) {
  const tree = treeOf(`build/package/${module}.d.ts`);
  const declaration = tree.statements.find(
    (node) => (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) && node.name?.text === name,
  );
  if (declaration === undefined) throw new Error(`There is no ${name} in lib/${module}.ts.`);
  // The first one of a method that can be called in more than one way speaks for all.
  const members = new Map();
  for (const member of declaration.members.filter(isPublic)) {
    const called = member.name.text;
    if (!members.has(called)) members.set(called, member);
  }
  return [...members].map(([called, member]) => {
    const comment = commentOf(member);
    if (comment === undefined) throw new Error(`${name}.${called} has no comment.`);
    return [`\`${called}${parameters(member)}\``, comment];
  });
}

function isPublic(member) {
  if (member.name === undefined || !ts.isIdentifier(member.name)) return false;
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Static;
  if ((ts.getCombinedModifierFlags(member) & hidden) !== 0) return false;
  return !ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal');
}

/** `(data, settings?)`; nothing for what is no method. */
function parameters(member) {
  if (!ts.isMethodDeclaration(member) && !ts.isMethodSignature(member)) return '';
  const names = member.parameters.map(
    ({ dotDotDotToken, name, questionToken }) =>
      `${dotDotDotToken ? '...' : ''}${name.getText()}${questionToken ? '?' : ''}`,
  );
  return `(${names.join(', ')})`;
}

function isExported(node) {
  return node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true;
}
