// Names of certificates for people: in messages, in evidence, on the terminal. Never compared with anything; what decides
// compares bytes.
import { printable } from '../../core/index.ts';
import type { Certificate } from './certificate.ts';
import { childrenOf, type DerElement, readElement, tags } from './der.ts';
import { DerParts, readOid } from './der-values.ts';

const labels: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
]);

const maxNameLength = 200;

/** What the certificate is for, in quotes, at most 200 printable characters. */
export function certificateName({ subject }: Pick<Certificate, 'subject'>): string {
  return `"${nameText(subject)}"`;
}

/** `CN=…, O=…` of a Name in DER, printable; what cannot be read is said to be so. */
export function nameText(name: Buffer): string {
  try {
    const parts = childrenOf(readElement(name, tags.sequence)).flatMap((set) => childrenOf(set).map(attributeText));
    return printable(parts.join(', '), maxNameLength);
  } catch {
    return 'a name that cannot be read';
  }
}

function attributeText(attribute: DerElement): string {
  const parts = new DerParts(attribute);
  const oid = readOid(parts.next(tags.oid));
  const [, value] = childrenOf(attribute);
  return `${labels.get(oid) ?? oid}=${value.content.toString('utf8')}`;
}
