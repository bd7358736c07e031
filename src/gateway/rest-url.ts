// TensorFlow Serving's URLs, read as its own patterns do (model_servers/http_rest_api_util.cc at 9d981c5): case does not matter, names
// are percent-decoded after the match, and the pattern covers the whole target, so a query string is never cut off: it makes a call
// malformed, and a question about a model's status one about a model of another name.
import { AirlockError, printable } from '../core/index.ts';

export interface ModelTarget {
  readonly verb: 'predict' | 'classify' | 'regress' | 'status' | 'metadata';
  readonly model: string;
  readonly version?: bigint;
  readonly label?: string;
}

const maxUrlChars = 2048;
const selector = '(?:/versions/(?<version>[0-9]+)|/labels/(?<label>[^/:]+))?';
const postPattern = new RegExp(`^/v1/models/(?<model>[^/:]+)${selector}:(?<verb>classify|regress|predict)$`, 'i');
const getPattern = new RegExp(`^/v1/models(?:/(?<model>[^/:]+)${selector}(?<verb>/metadata)?)?$`, 'i');
const maxVersion = 2n ** 63n - 1n;

/** Targets of the URLs that were posted to last: most clients ask for the same few, thousands of times a second. Forgotten all at once when full. */
const recent = new Map<string, ModelTarget>();
const maxRecent = 256;

/**
 * What a request for something below `/v1/` asks for.
 * @throws REQUEST_MALFORMED for everything that is not part of the interface.
 */
export function parseModelTarget(method: string, url: string): ModelTarget {
  if (method !== 'POST') return parse(method, url);
  const known = recent.get(url);
  if (known !== undefined) return known;
  const target = parse(method, url);
  if (recent.size >= maxRecent) recent.clear();
  recent.set(url, target);
  return target;
}

function parse(method: string, url: string): ModelTarget {
  if (url.length <= maxUrlChars) {
    const match = method === 'POST' ? postPattern.exec(url) : method === 'GET' ? getPattern.exec(url) : null;
    if (match?.groups !== undefined) return toTarget(method, match.groups);
  }
  throw new AirlockError('REQUEST_MALFORMED', { message: `Malformed request: ${printable(method, 16)} ${printable(url, 128)}` });
}

function toTarget(method: string, groups: Readonly<Record<string, string | undefined>>): ModelTarget {
  if (groups.model === undefined) throw new AirlockError('REQUEST_MALFORMED', { message: 'Missing model name in request.' });
  const asked = groups.verb?.toLowerCase();
  const verb =
    asked === 'classify' || asked === 'regress' || asked === 'predict' ? asked : asked === undefined ? 'status' : 'metadata';
  return {
    verb: method === 'GET' && verb !== 'metadata' ? 'status' : verb,
    model: decodeName(groups.model),
    ...(groups.version === undefined ? {} : { version: decodeVersion(groups.version) }),
    ...(groups.label === undefined ? {} : { label: decodeName(groups.label) }),
  };
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new AirlockError('REQUEST_MALFORMED', { message: 'A name in the URL is not valid percent-encoded UTF-8', cause });
  }
}

function decodeVersion(digits: string): bigint {
  const version = digits.length <= 20 ? BigInt(digits) : maxVersion + 1n;
  if (version > maxVersion)
    throw new AirlockError('REQUEST_MALFORMED', { message: `Failed to convert version: ${printable(digits, 32)} to numeric.` });
  return version;
}
