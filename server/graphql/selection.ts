import {
  GraphQLIncludeDirective,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getDirectiveValues,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/**
 * Whether any of these fields is selected on the object that `info`'s field returns; its type must be a
 * single object type.
 */
export function isSelected(names: ReadonlySet<string>, info: GraphQLResolveInfo): boolean {
  const { fragments, variableValues } = info;
  const isIncluded = (node: SelectionNode) =>
    getDirectiveValues(GraphQLSkipDirective, node, variableValues)?.if !== true &&
    getDirectiveValues(GraphQLIncludeDirective, node, variableValues)?.if !== false;
  const visited = new Set<string>();
  const isIn = (set: SelectionSetNode | undefined): boolean =>
    set?.selections.some((node) => isIncluded(node) && reaches(node)) ?? false;
  const reaches = (node: SelectionNode): boolean => {
    if (node.kind === Kind.FIELD) return names.has(node.name.value);
    if (node.kind === Kind.INLINE_FRAGMENT) return isIn(node.selectionSet);
    const name = node.name.value;
    if (visited.has(name)) return false;
    visited.add(name);
    return isIn(fragments[name]?.selectionSet);
  };
  return info.fieldNodes.some(({ selectionSet }) => isIn(selectionSet));
}
