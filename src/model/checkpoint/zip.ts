import { crc32 } from 'node:zlib';
import { bad, type CheckpointFile } from './file.ts';

/** A stored (uncompressed) member of a zip archive: where its bytes lie in the file. */
export interface ZipMember {
  readonly name: string;
  readonly position: number;
  readonly size: number;
  readonly crc: number;
}

const MAX_MEMBERS = 65_536;
const MAX_DIRECTORY_BYTES = 32 * 2 ** 20;
const END_SIZE = 22;
const LOCATOR_SIZE = 20;
const MAX_COMMENT = 65_535;
/** In a 16 or 32 bit field: the value stands in the zip64 record instead. */
const FULL16 = 0xffff;
const FULL32 = 0xffffffff;

/**
 * Reads the directory of a zip or zip64 archive (PKWARE APPNOTE 6.3) as PyTorch writes them: members stored,
 * never compressed, never encrypted, one disk. Anything else is refused, so nothing here can expand.
 */
export function readZip(file: CheckpointFile): Map<string, ZipMember> {
  const { count, offset, size } = findDirectory(file);
  if (count > MAX_MEMBERS || size > MAX_DIRECTORY_BYTES) throw bad(`the zip directory is too large (${count} members)`);
  const directory = file.read(offset, size);
  const members = new Map<string, ZipMember>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || directory.readUInt32LE(at) !== 0x02014b50) throw bad('the zip directory is damaged');
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
    const next = extraEnd + directory.readUInt16LE(at + 32);
    if (next > size) throw bad('the zip directory is damaged');
    const name = directory.toString('utf8', at + 46, nameEnd);
    if (members.has(name)) throw bad(`the zip directory names ${name} twice`);
    if (directory.readUInt16LE(at + 8) & 1) throw bad(`${name} is encrypted`);
    if (directory.readUInt16LE(at + 10) !== 0) throw bad(`${name} is compressed; PyTorch stores members uncompressed`);
    const [unpacked, packed, header] = wideFields(
      [directory.readUInt32LE(at + 24), directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 42)],
      directory.subarray(nameEnd, extraEnd),
    );
    if (unpacked !== packed) throw bad(`${name} has two sizes`);
    const position = dataPosition(file, header!, name);
    if (position + unpacked! > offset) throw bad(`${name} lies outside the archive`);
    members.set(name, { name, position, size: unpacked!, crc: directory.readUInt32LE(at + 16) });
    at = next;
  }
  return members;
}

/** A member's bytes, checked against its CRC-32. For small members: tensors are read by position instead. */
export function readMember(file: CheckpointFile, member: ZipMember, maxBytes: number): Buffer {
  if (member.size > maxBytes) throw bad(`${member.name} holds ${member.size} bytes, more than ${maxBytes}`);
  const bytes = file.read(member.position, member.size);
  if (crc32(bytes) !== member.crc) throw bad(`${member.name} is damaged (CRC-32 differs)`);
  return bytes;
}

function findDirectory(file: CheckpointFile): { count: number; offset: number; size: number } {
  const tail = Math.min(file.size, END_SIZE + MAX_COMMENT);
  const start = file.size - tail;
  const bytes = file.read(start, tail);
  let end = tail - END_SIZE;
  while (end >= 0 && bytes.readUInt32LE(end) !== 0x06054b50) end--;
  if (end < 0) throw bad('there is no zip directory; the file may be cut off');
  let count = bytes.readUInt16LE(end + 10);
  let size = bytes.readUInt32LE(end + 12);
  let offset = bytes.readUInt32LE(end + 16);
  const locator = end - LOCATOR_SIZE;
  if (count === FULL16 || size === FULL32 || offset === FULL32) {
    if (locator < 0 || bytes.readUInt32LE(locator) !== 0x07064b50) throw bad('the zip64 locator is missing');
    const record = file.read(safe(bytes.readBigUInt64LE(locator + 8)), 56);
    if (record.readUInt32LE(0) !== 0x06064b50) throw bad('the zip64 record is damaged');
    count = safe(record.readBigUInt64LE(32));
    size = safe(record.readBigUInt64LE(40));
    offset = safe(record.readBigUInt64LE(48));
  }
  if (offset + size > start + end) throw bad('the zip directory lies outside the file');
  return { count, offset, size };
}

/** Replaces the fields that are full by those of the zip64 extra field (id 1), in its fixed order. */
function wideFields(fields: number[], extra: Buffer): number[] {
  if (!fields.includes(FULL32)) return fields;
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) break;
    if (extra.readUInt16LE(at) === 1) {
      let next = at + 4;
      return fields.map((field) => {
        if (field !== FULL32) return field;
        if (next + 8 > end) throw bad('a zip64 field is missing');
        next += 8;
        return safe(extra.readBigUInt64LE(next - 8));
      });
    }
    at = end;
  }
  throw bad('a zip64 field is missing');
}

function dataPosition(file: CheckpointFile, header: number, name: string): number {
  const local = file.read(header, 30);
  if (local.readUInt32LE(0) !== 0x04034b50) throw bad(`the header of ${name} is damaged`);
  return header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw bad('a zip64 field is out of range');
  return Number(value);
}
