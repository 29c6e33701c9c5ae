// The files of `descriptors/` as they lie on disk.

import { readFileSync } from 'node:fs';
import type { DescriptorTexts } from '../../src/lan/igd/igd-descriptors.ts';

const read = (name: string): string => readFileSync(new URL(`../../descriptors/${name}.xml`, import.meta.url), 'utf8');

export function descriptorTexts(): DescriptorTexts {
  return {
    igd1: read('igd1'),
    igd2: read('igd2'),
    scpd: {
      WANIPConnection1: read('scpd/WANIPConnection1'),
      WANIPConnection2: read('scpd/WANIPConnection2'),
      WANCommonInterfaceConfig1: read('scpd/WANCommonInterfaceConfig1'),
      Layer3Forwarding1: read('scpd/Layer3Forwarding1'),
      DeviceProtection1: read('scpd/DeviceProtection1'),
    },
  };
}
