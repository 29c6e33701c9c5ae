// The files of descriptors/, carried in the bundle as texts.

import igd1 from '../descriptors/igd1.xml';
import igd2 from '../descriptors/igd2.xml';
import DeviceProtection1 from '../descriptors/scpd/DeviceProtection1.xml';
import Layer3Forwarding1 from '../descriptors/scpd/Layer3Forwarding1.xml';
import WANCommonInterfaceConfig1 from '../descriptors/scpd/WANCommonInterfaceConfig1.xml';
import WANIPConnection1 from '../descriptors/scpd/WANIPConnection1.xml';
import WANIPConnection2 from '../descriptors/scpd/WANIPConnection2.xml';

export const DESCRIPTOR_TEXTS = {
  igd1,
  igd2,
  scpd: { WANIPConnection1, WANIPConnection2, WANCommonInterfaceConfig1, Layer3Forwarding1, DeviceProtection1 },
};
