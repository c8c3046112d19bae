import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

const comment = String.raw`(?:\/\*\*((?:[^*]|\*(?!\/))*)\*\/\n)?`;
const member = new RegExp(String.raw`^ {4}(?:${comment} {4})?((?:readonly |get |)(\w+)[\s\S]*?);\n`, 'gm');

/** The public members of a class or interface of lib/, from its declaration: how each is written, and its comment. */
export function membersOf(module, name) {
  const source = readFileSync(join(root, 'build/package', `${module}.d.ts`), 'utf8');
  const start = source.search(new RegExp(String.raw`^export (?:declare class|interface) ${name}\b`, 'm'));
  if (start < 0) throw new Error(`There is no ${name} in lib/${module}.ts.`);
  const body = source.slice(source.indexOf('{\n', start) + 2, source.indexOf('\n}\n', start) + 1);
  return (
    [...body.matchAll(member)]
      .filter(
        ([, sentence = '', , called]) =>
          called !== 'constructor' && called !== 'protected' && !sentence.includes('@internal'),
      )
      // The first one of a method that can be called in more than one way speaks for all.
      .filter(([, , , called], at, all) => called !== all[at - 1]?.[3])
      .map(([, sentence, declaration, called]) => {
        if (sentence === undefined) throw new Error(`${name}.${called} has no comment.`);
        return [`\`${called}${parameters(declaration)}\``, sentence.replace(/\n +\* ?/g, ' ').trim()];
      })
  );
}

/** `(data, settings?)`; nothing for what is no method. */
function parameters(declaration) {
  const open = /^\w+(?:<[^(]*>)?\(/.exec(declaration);
  if (open === null) return '';
  let depth = 0;
  let names = '';
  let inName = true;
  for (const sign of declaration.slice(open[0].length)) {
    if (depth === 0 && sign === ')') break;
    if ('([{<'.includes(sign)) depth += 1;
    else if (')]}>'.includes(sign)) depth -= 1;
    if (depth === 0 && sign === ',') {
      names += ', ';
      inName = true;
    } else if (depth === 0 && sign === ':') inName = false;
    else if (inName && sign !== ' ') names += sign;
  }
  return `(${names})`;
}
