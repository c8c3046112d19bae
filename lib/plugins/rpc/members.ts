export type Member = (...args: readonly unknown[]) => unknown;

/**
 * An object with a member of every name but those that every object has, and `then` and `toJSON`, so that it can be awaited,
 * printed and logged. Behind it stands a proxy that is asked for each name once: from then on the member is the object's own, and costs nothing to find.
 */
export function members(make: (name: string) => Member, fixed: Readonly<Record<string, unknown>> = {}): object {
  const maker = new Proxy(Object.create(null) as object, {
    get: (_target, name) => {
      if (typeof name === 'symbol' || name === 'then' || name === 'toJSON') return undefined;
      if (name in Object.prototype) return Reflect.get(Object.prototype, name, object) as unknown;
      const value = make(name);
      Object.defineProperty(object, name, { value });
      return value;
    },
  });
  const object: object = Object.create(maker) as object;
  for (const [name, value] of Object.entries(fixed)) Object.defineProperty(object, name, { value });
  return object;
}
