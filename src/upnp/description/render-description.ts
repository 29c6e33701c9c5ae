// Fills the blanks of a description template, written {{name}}, with text made safe for XML.
// Nothing else: what a blank means is decided by whoever has the device.

import { escapeXml } from '../../base/xml.ts';

/** Throws on a blank that has no value, and on a value that fits no blank: the templates are our own. */
export function renderDescription(template: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const rendered = template.replace(/\{\{(\w+)\}\}/g, (_blank, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the description has a blank "${name}" nobody fills`);
    unused.delete(name);
    return escapeXml(value);
  });
  if (unused.size > 0) throw new Error(`the description has no blank for ${[...unused].join(', ')}`);
  return rendered;
}
