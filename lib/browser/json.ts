/** Stands in for `wire/codec/json` in web pages, where the only JSON is that of the two hellos. */
export const toJson = JSON.stringify;
export const parseJson = JSON.parse;
