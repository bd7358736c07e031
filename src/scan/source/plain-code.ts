// Whether code that lies beside a model is of the kind that people publish with it: preprocessing, an example, a command line that starts a server.
// A heuristic over words: it makes a finding less severe and never takes one away.
import type { Source } from '../scan-context.ts';

const maxBytes = 256 * 1024;

// Each of these is in code that steals, loads or destroys something, and seldom in code that prepares inputs.
const pythonWords =
  /\bos\s*\.\s*(?:system|popen|exec|spawn|posix_spawn|remove|unlink|fork|environ|chmod|dup2|putenv)|\b(?:subprocess|socket|pty|ctypes|cffi|marshal|dill|importlib|runpy|urllib|http\.client|httpx|requests|ftplib|smtplib|paramiko|codecs|base64|zlib|builtins|shutil)\b|(?<![.\w])(?:eval|exec|compile|__import__|getattr|globals|vars)\s*\(|__builtins__|__subclasses__|\bpickle|\bjoblib|load_(?:op_)?library|py_func|numpy_function|unsafe|safe_mode|open\([^)\n]{0,200},\s*(?:mode\s*=\s*)?["'][rb+]*[wax]|write_(?:text|bytes|file)|["'][^"'\n]{0,40}(?:\/etc\/|\/tmp\/|\/proc\/|\.ssh|~\/|https?:)/;
const shellWords =
  /\b(?:curl|wget|nc|ncat|netcat|telnet|ssh|scp|base64|xxd|eval|exec|source|python\d?|perl|ruby|php|rm|dd|chmod|chown|mkfifo|crontab|sudo|nohup|kill)\b|\/dev\/|\/etc\/|\/tmp\/|~\/|\$\(|`|\|/;

/** Names that Python or its tools run by themselves. */
const runsByItself = /(?:^|\/)(?:setup|conftest|sitecustomize|usercustomize|__main__)\.py$/;
/** Folders and archives where only data belongs. */
const dataPlace = /(?:^|\/)(?:assets(?:\.extra)?|variables|\.git)\/|\.(?:keras|tflite)!\//;

/** True for a short `.py` or `.sh` outside of a model's data that calls nothing of the above. */
export function isPlainCode(source: Source, file: string): boolean {
  const words = /\.py$/i.test(file) ? pythonWords : /\.sh$/i.test(file) ? shellWords : undefined;
  if (words === undefined || runsByItself.test(file) || dataPlace.test(file) || source.sizeBytes > maxBytes) return false;
  const text = source.read(0, source.sizeBytes).toString('latin1');
  // What is not text is not what it seems; very long lines hide data.
  if (text.includes('\0') || text.split('\n').some((line) => line.length > 1000)) return false;
  return !words.test(text.replace(/^#!.*\n/, ''));
}
