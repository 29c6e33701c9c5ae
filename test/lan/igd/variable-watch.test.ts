import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { VariableWatch } from '../../../src/lan/igd/evented-variables.ts';
import { IgdUnderTest, LAN_HOST } from '../../doubles/igd-under-test.ts';

const ADD = {
  NewRemoteHost: '',
  NewExternalPort: '6881',
  NewProtocol: 'TCP',
  NewInternalPort: '6881',
  NewInternalClient: LAN_HOST.text,
  NewEnabled: '1',
  NewPortMappingDescription: '',
  NewLeaseDuration: '0',
};

describe('the watch over evented variables', () => {
  const watched = () => {
    const igd = new IgdUnderTest();
    const watch = new VariableWatch([...igd.devices.evented.values()]);
    const look = () =>
      watch.look().map(({ service, variables }) => [service.key, Object.fromEntries(variables)] as const);
    return { igd, look };
  };

  it('finds nothing while nothing changes', () => {
    expect(watched().look()).toEqual([]);
  });

  it('finds the counts of a new mapping, together and once (Q-10, IWF-14)', async () => {
    const { igd, look } = watched();
    await igd.call('igd1/WANIPConnection', 'AddPortMapping', ADD);
    expect(look()).toEqual([
      ['igd1/WANIPConnection', { PortMappingNumberOfEntries: '1' }],
      ['igd2/WANIPConnection', { PortMappingNumberOfEntries: '1', SystemUpdateID: '1' }],
    ]);
    expect(look()).toEqual([]);
  });

  it('finds another external address and a lost connection', () => {
    const { igd, look } = watched();
    igd.gateway.address = IpAddress.of('198.51.100.99');
    igd.gateway.status = 'Disconnected';
    expect(look()).toEqual([
      ['igd1/WANCommonInterfaceConfig', { PhysicalLinkStatus: 'Down' }],
      ['igd1/WANIPConnection', { ConnectionStatus: 'Disconnected', ExternalIPAddress: '198.51.100.99' }],
      ['igd2/WANCommonInterfaceConfig', { PhysicalLinkStatus: 'Down' }],
      ['igd2/WANIPConnection', { ConnectionStatus: 'Disconnected', ExternalIPAddress: '198.51.100.99' }],
    ]);
  });
});
