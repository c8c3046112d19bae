/** A definition as msgpackr keeps it: the keys, and the function that reads an object of them. */
interface Structure extends Array<string> {
  read?: { count: number };
}

interface Guarded {
  structures: Structure[];
}

const mostStructures = 64;

/**
 * Runs `read` so that no code is made for what is defined meanwhile: msgpackr makes some for each shape that is read a
 * third time, which takes far longer than to read it, and there may be one for every few bytes.
 */
export function guardShapes<T>(unpackr: Guarded, read: () => T): T {
  const { structures } = unpackr;
  const guarded: Structure[] = [];
  for (let id = 0; id < mostStructures; id++) {
    Object.defineProperty(guarded, id, {
      get: () => structures[id],
      set: (structure: Structure) => {
        structures[id] = structure;
        keepFromCode(structure);
      },
    });
  }
  unpackr.structures = guarded;
  try {
    return read();
  } finally {
    unpackr.structures = structures;
  }
}

/** Its reader counts how often it was called, and makes code after a few; this one counts to no number. */
function keepFromCode(structure: Structure): void {
  Object.defineProperty(structure, 'read', {
    configurable: true,
    get: () => undefined,
    set: (reader: { count: number }) => {
      reader.count = Number.NaN;
      Object.defineProperty(structure, 'read', { configurable: true, writable: true, value: reader });
    },
  });
}
