import ts from '@typescript/typescript6';

/**
 * The members of the types that each of `files` exports and that are calculated from others, such as those of options: an
 * API reference shows how such a type is calculated, which tells a reader nothing. By file and name, a table in Markdown.
 */
export function memberTables(files, compilerOptions) {
  const program = ts.createProgram(files, compilerOptions);
  const checker = program.getTypeChecker();
  return new Map(files.map((file) => [file, tablesOf(checker, program.getSourceFile(file))]));
}

function tablesOf(checker, source) {
  const tables = new Map();
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(source))) {
    const named = (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
    const declaration = named.declarations?.find(ts.isTypeAliasDeclaration);
    if (declaration === undefined || !isCalculated(declaration.type)) continue;
    const type = checker.getDeclaredTypeOfSymbol(named);
    const members = type.isUnion() || (type.flags & ts.TypeFlags.StructuredType) === 0 ? [] : type.getProperties();
    const rows = members.map((member) => rowOf(checker, member, declaration));
    // Where nothing is said of any member it is no type of options.
    if (rows.some(({ says }) => says !== '')) tables.set(symbol.name, tableOf(rows));
  }
  return tables;
}

function isCalculated(node) {
  return ts.isTypeReferenceNode(node) || ts.isIntersectionTypeNode(node);
}

function rowOf(checker, member, declaration) {
  const type = checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(member, declaration));
  const isOptional = (member.flags & ts.SymbolFlags.Optional) !== 0;
  const tags = member.getJsDocTags(checker);
  return {
    name: `${member.name}${isOptional ? '?' : ''}`,
    type: checker.typeToString(type, declaration, ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope),
    byDefault: ts.displayPartsToString(tags.find(({ name }) => name === 'default')?.text).trim(),
    says: ts.displayPartsToString(member.getDocumentationComment(checker)).replaceAll(/\s*\n\s*/g, ' '),
  };
}

function tableOf(rows) {
  const code = (text) => (text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``);
  const lines = rows
    .toSorted((one, other) => one.name.localeCompare(other.name))
    .map(
      ({ name, type, byDefault, says }) =>
        `| ${code(name)} | ${code(type)} | ${code(byDefault)} | ${says.replaceAll('|', '\\|')} |`,
    );
  return ['| Member | Type | Default | |', '| ------ | ------ | ------ | ------ |', ...lines].join('\n');
}

/** The Markdown of a module's reference with those tables, each at the end of its type's section. */
export function withMembers(markdown, tables) {
  return markdown
    .split(/(?=^### )/m)
    .map((section) => {
      const table = tables.get(/^### (\w+)/.exec(section)?.[1] ?? '');
      if (table === undefined) return section;
      const end = section.search(/^(?:\*\*\*$|## )/m);
      const own = end === -1 ? section : section.slice(0, end);
      return `${own.trimEnd()}\n\n#### Members\n\n${table}\n\n${section.slice(own.length)}`;
    })
    .join('');
}
