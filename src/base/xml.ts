// XML as a tiny tree of elements, and text made safe to stand in XML. The only file that knows fast-xml-parser.
// Everything read here was written by strangers: no document type, no entity declarations, bounded size and depth,
// and whatever is wrong with it comes back as a value. Namespaces are resolved (Namespaces in XML 1.0 §2, §6).

import { EntityDecoder } from '@nodable/entities';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { ok, type Result, refused } from './result.ts';

export interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  /** "" when it is in none, or when its prefix was never declared: old control points forget to. */
  readonly namespace: string;
  /** By the name as written, prefix included; namespace declarations are left out. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** What stands directly in it, CDATA included, white space kept. Holds no character that XML forbids. */
  readonly text: string;
}

/** For people who read the log. Never sent to the peer. */
export type XmlProblem = string;

export interface XmlLimits {
  readonly characters: number;
  /** Start and end tags, comments and sections: what a parser's cost grows with. */
  readonly tags: number;
}

// A SOAP body is four deep and a device description ten; the tree is walked recursively, so its depth is capped.
const MAX_DEPTH = 16;

const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  removeNSPrefix: false,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  maxNestedTags: MAX_DEPTH,
  ignoreDeclaration: true,
  ignorePiTags: true,
  entityDecoder: new EntityDecoder(),
});

export function parseXml(source: string, limits: XmlLimits): Result<XmlElement, XmlProblem> {
  if (source.length > limits.characters) return refused(`longer than ${limits.characters} characters`);
  // "<!" other than a comment or CDATA opens a document type or an entity declaration: the door of entity attacks.
  if (/<!(?!--|\[CDATA\[)/.test(source)) return refused('has a document type');
  if (countTags(source) > limits.tags) return refused(`more than ${limits.tags} tags`);
  const text = withoutMargins(source);
  // The validator overlooks text behind a root that is one empty tag.
  if (!text.endsWith('>')) return refused('does not end with a tag');
  try {
    const verdict = XMLValidator.validate(text);
    if (verdict !== true) return refused(`${verdict.err.msg} (line ${verdict.err.line})`);
    return rootOf(PARSER.parse(text));
  } catch (problem) {
    // The library's way of refusing reserved names and too deep trees.
    return refused(problem instanceof Error ? problem.message : 'not XML');
  }
}

export function childNamed(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}

/** Empty where there is no such element: lists are often left out when they hold nothing. */
export function childrenNamed(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** The child's text without the white space around it; undefined when there is no such child. */
export function childText(element: XmlElement, name: string): string | undefined {
  return childNamed(element, name)?.text.trim();
}

// XML 1.0 §2.2 "Char", less the control characters it merely discourages: none of them belongs in a name people read.
const FORBIDDEN = /[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Fit for element content and for quoted attribute values alike. */
export function escapeXml(text: string): string {
  return withoutForbidden(text).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}

/** One or more CDATA sections: for readers that cannot undo `escapeXml`. */
export function cdataXml(text: string): string {
  return `<![CDATA[${withoutForbidden(text).replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}

const withoutForbidden = (text: string): string => text.replace(FORBIDDEN, '');

function countTags(source: string): number {
  let count = 0;
  for (let at = source.indexOf('<'); at >= 0; at = source.indexOf('<', at + 1)) count += 1;
  return count;
}

/** Old clients put a byte order mark or an empty line before the declaration, and NULs after the end. */
function withoutMargins(source: string): string {
  let start = 0;
  let end = source.length;
  while (start < end && isMargin(source.charCodeAt(start))) start += 1;
  while (end > start && isMargin(source.charCodeAt(end - 1))) end -= 1;
  return source.slice(start, end);
}

const isMargin = (code: number): boolean => code <= 0x20 || code === 0xfeff;

/** What the library returns: a list of `{ <tag>: children, ":@": attributes }` and `{ "#text": text }`. */
function rootOf(parsed: unknown): Result<XmlElement, XmlProblem> {
  const [root, second] = elementsOf(parsed, new Map());
  if (root === undefined) return refused('no element');
  return second === undefined ? ok(root) : refused('more than one root element');
}

type Scope = ReadonlyMap<string, string>;

function elementsOf(nodes: unknown, scope: Scope): readonly XmlElement[] {
  const elements: XmlElement[] = [];
  for (const node of recordsIn(nodes)) {
    const tag = tagOf(node);
    if (tag !== undefined) elements.push(elementOf(tag, node, scope));
  }
  return elements;
}

function elementOf(tag: string, node: ParsedNode, outer: Scope): XmlElement {
  const attributes = new Map<string, string>();
  const declared: [prefix: string, namespace: string][] = [];
  const written = node[':@'];
  for (const [name, value] of isRecord(written) ? Object.entries(written) : []) {
    const clean = withoutForbidden(String(value));
    if (name === 'xmlns') declared.push(['', clean]);
    else if (name.startsWith('xmlns:')) declared.push([name.slice('xmlns:'.length), clean]);
    else attributes.set(name, clean);
  }
  const scope = declared.length === 0 ? outer : new Map([...outer, ...declared]);
  const colon = tag.indexOf(':');
  const content = node[tag];
  return {
    name: tag.slice(colon + 1),
    namespace: scope.get(colon < 0 ? '' : tag.slice(0, colon)) ?? '',
    attributes,
    children: elementsOf(content, scope),
    text: textOf(content),
  };
}

function tagOf(node: ParsedNode): string | undefined {
  for (const key in node) if (key !== ':@' && key !== '#text') return key;
  return undefined;
}

function textOf(nodes: unknown): string {
  let text = '';
  for (const node of recordsIn(nodes)) text += node['#text'] ?? '';
  return withoutForbidden(text);
}

type ParsedNode = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is ParsedNode => typeof value === 'object' && value !== null;

const recordsIn = (value: unknown): readonly ParsedNode[] => (Array.isArray(value) ? value.filter(isRecord) : []);
