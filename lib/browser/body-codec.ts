/** Stands in for `wire/native/body-codec` in web pages. */
export { BodyReader } from './message-pack-reader.ts';
export { BodyPacker, roomBytes } from './message-pack-writer.ts';
