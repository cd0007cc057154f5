import type { ObjectType, Oid } from '../../domain/git.ts';
import { objectTypeNames, packType } from '../../git/pack-stream.ts';

/**
 * Keys and values of the rows. An oid stands as its bytes, an epoch as 32 bits, big end first, a type as packs write it.
 *
 * | key | value |
 * |---|---|
 * | `o` epoch original | type view |
 * | `v` view | type original epoch |
 * | `O` epoch, first three bytes | width of an oid, then the originals that begin so |
 * | `V` first three bytes | the same of views |
 * | `s` placeholder | sealed secret |
 * | `d` original | spans, as JSON |
 * | `m!` name | as given |
 */

export const metaKey = (name: string): Buffer => Buffer.from(`m!${name}`, 'utf8');
export const secretKey = (placeholder: string): Buffer => Buffer.from(`s${placeholder}`, 'utf8');
export const spansKey = (original: Oid): Buffer => Buffer.from(`64${original}`, 'hex');
export const viewKey = (view: Oid): Buffer => Buffer.from(`76${view}`, 'hex');
export const originalKey = (epoch: number, original: Oid): Buffer =>
  Buffer.from(`6f${epochHex(epoch)}${original}`, 'hex');

/** What begins every key of the pairs of an epoch, and of its lists. */
export const epochPrefix = (epoch: number): Buffer => Buffer.from(`6f${epochHex(epoch)}`, 'hex');
export const epochListPrefix = (epoch: number): Buffer => Buffer.from(`4f${epochHex(epoch)}`, 'hex');

export const originalListPrefix = Buffer.from('O');
export const viewListPrefix = Buffer.from('V');

/** The list of oids that begin with these three bytes: originals of an epoch, or views. */
export function listKey(slot: number, epoch?: number): Buffer {
  const prefix = epoch === undefined ? viewListPrefix : epochListPrefix(epoch);
  const key = Buffer.alloc(prefix.length + 3);
  prefix.copy(key);
  key.writeUIntBE(slot, prefix.length, 3);
  return key;
}

/** What the key of a list says. */
export function parseListKey(key: Buffer): { slot: number; epoch?: number } {
  const slot = key.readUIntBE(key.length - 3, 3);
  return key[0] === originalListPrefix[0] ? { slot, epoch: key.readUInt32BE(1) } : { slot };
}

export function formatList(oids: readonly Oid[]): Buffer {
  const width = (oids[0] as Oid).length / 2;
  return Buffer.concat([Buffer.from([width]), Buffer.from(oids.join(''), 'hex')]);
}

export function parseList(value: Buffer): Oid[] {
  const width = value[0] as number;
  const oids: Oid[] = [];
  for (let at = 1; at < value.length; at += width) oids.push(value.toString('hex', at, at + width));
  return oids;
}

export function formatViewOf(type: ObjectType, view: Oid): Buffer {
  return Buffer.concat([Buffer.from([packType[type]]), Buffer.from(view, 'hex')]);
}

export function parseViewOf(value: Buffer): { type: ObjectType; oid: Oid } {
  return { type: typeOf(value), oid: value.toString('hex', 1) };
}

export function formatOriginalOf(type: ObjectType, original: Oid, epoch: number): Buffer {
  return Buffer.concat([Buffer.from([packType[type]]), Buffer.from(original + epochHex(epoch), 'hex')]);
}

export function parseOriginalOf(value: Buffer): { type: ObjectType; oid: Oid; epoch: number } {
  const end = value.length - 4;
  return { type: typeOf(value), oid: value.toString('hex', 1, end), epoch: value.readUInt32BE(end) };
}

function typeOf(value: Buffer): ObjectType {
  return objectTypeNames[value[0] as number] as ObjectType;
}

function epochHex(epoch: number): string {
  return epoch.toString(16).padStart(8, '0');
}
