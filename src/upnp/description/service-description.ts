// What a service description (SCPD, UDA 1.1 §2.5) says: actions, their arguments in order, and state variables with
// type, range and allowed values. Read from the very text that is served, so what is promised is what is checked.

import { ok, type Result, refused } from '../../base/result.ts';
import { childNamed, childrenNamed, childText, parseXml, type XmlElement } from '../../base/xml.ts';

const SCPD_NAMESPACE = 'urn:schemas-upnp-org:service-1-0';

/** UDA 1.1 §2.5 knows more; these are the ones gateways use. */
const DATA_TYPES = ['ui2', 'ui4', 'boolean', 'string', 'bin.base64'] as const;
export type DataType = (typeof DATA_TYPES)[number];

export interface StateVariable {
  readonly name: string;
  readonly dataType: DataType;
  readonly isEvented: boolean;
  readonly defaultValue: string | undefined;
  /** Empty: any value of the type. */
  readonly allowedValues: readonly string[];
  readonly range: ValueRange | undefined;
}

export interface ValueRange {
  readonly minimum: number;
  readonly maximum: number;
}

export interface ActionArgument {
  readonly name: string;
  readonly direction: 'in' | 'out';
  readonly variable: StateVariable;
}

export interface ActionDescription {
  readonly name: string;
  readonly inArguments: readonly ActionArgument[];
  /** In the order they are answered in. */
  readonly outArguments: readonly ActionArgument[];
}

export interface ServiceDescription {
  readonly actions: ReadonlyMap<string, ActionDescription>;
  readonly variables: ReadonlyMap<string, StateVariable>;
}

// The longest description we serve has about 700 tags in 19 000 characters.
const LIMITS = { characters: 65_536, tags: 4096 };

export function parseServiceDescription(scpd: string): Result<ServiceDescription, string> {
  const parsed = parseXml(scpd, LIMITS);
  if (!parsed.ok) return parsed;
  const root = parsed.value;
  if (root.name !== 'scpd' || root.namespace !== SCPD_NAMESPACE) return refused('is not a service description');

  const variables = new Map<string, StateVariable>();
  for (const element of childrenNamed(childNamed(root, 'serviceStateTable'), 'stateVariable')) {
    const variable = readVariable(element);
    if (!variable.ok) return variable;
    if (variables.has(variable.value.name)) return refused(`state variable ${variable.value.name} stands twice`);
    variables.set(variable.value.name, variable.value);
  }

  const actions = new Map<string, ActionDescription>();
  for (const element of childrenNamed(childNamed(root, 'actionList'), 'action')) {
    const action = readAction(element, variables);
    if (!action.ok) return action;
    if (actions.has(action.value.name)) return refused(`action ${action.value.name} stands twice`);
    actions.set(action.value.name, action.value);
  }
  return ok({ actions, variables });
}

function readVariable(element: XmlElement): Result<StateVariable, string> {
  const name = childText(element, 'name');
  if (name === undefined || name === '') return refused('a state variable has no name');
  const dataType = childText(element, 'dataType');
  if (!isDataType(dataType)) return refused(`state variable ${name} has the type ${dataType}`);
  const range = readRange(element);
  return ok({
    name,
    dataType,
    // UDA 1.1 §2.5: left out it means "yes".
    isEvented: (element.attributes.get('sendEvents') ?? 'yes') === 'yes',
    defaultValue: childText(element, 'defaultValue'),
    allowedValues: childrenNamed(childNamed(element, 'allowedValueList'), 'allowedValue').map((value) =>
      value.text.trim(),
    ),
    range,
  });
}

const isDataType = (text: string | undefined): text is DataType => DATA_TYPES.some((type) => type === text);

function readRange(element: XmlElement): ValueRange | undefined {
  const range = childNamed(element, 'allowedValueRange');
  if (range === undefined) return undefined;
  return { minimum: Number(childText(range, 'minimum')), maximum: Number(childText(range, 'maximum')) };
}

function readAction(
  element: XmlElement,
  variables: ReadonlyMap<string, StateVariable>,
): Result<ActionDescription, string> {
  const name = childText(element, 'name');
  if (name === undefined || name === '') return refused('an action has no name');
  const inArguments: ActionArgument[] = [];
  const outArguments: ActionArgument[] = [];
  for (const argument of childrenNamed(childNamed(element, 'argumentList'), 'argument')) {
    const read = readArgument(argument, variables);
    if (!read.ok) return refused(`action ${name}: ${read.error}`);
    (read.value.direction === 'in' ? inArguments : outArguments).push(read.value);
  }
  return ok({ name, inArguments, outArguments });
}

function readArgument(
  element: XmlElement,
  variables: ReadonlyMap<string, StateVariable>,
): Result<ActionArgument, string> {
  const name = childText(element, 'name') ?? '';
  const direction = childText(element, 'direction');
  if (direction !== 'in' && direction !== 'out') return refused(`argument ${name} has the direction ${direction}`);
  const related = childText(element, 'relatedStateVariable') ?? '';
  const variable = variables.get(related);
  if (variable === undefined) return refused(`argument ${name} relates to ${related}, which is no state variable`);
  return ok({ name, direction, variable });
}
