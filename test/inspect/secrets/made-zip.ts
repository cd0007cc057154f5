import { deflateRawSync } from 'node:zlib';

export interface MadeEntry {
  readonly name: string;
  readonly content: Buffer;
  readonly stored?: boolean;
  /** General purpose flags; bit 0 says that the entry is encrypted. */
  readonly flags?: number;
  /** What the header claims, whatever the bytes are. */
  readonly method?: number;
}

/** A zip of these entries; checksums are left zero, because nobody here reads them. */
export function zipOf(entries: readonly MadeEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = entry.stored === true ? entry.content : deflateRawSync(entry.content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(entry.flags ?? 0, 2);
    common.writeUInt16LE(entry.method ?? (entry.stored === true ? 0 : 8), 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(entry.content.length, 18);
    common.writeUInt16LE(entry.name.length, 22);
    const name = Buffer.from(entry.name);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, tail, name]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
