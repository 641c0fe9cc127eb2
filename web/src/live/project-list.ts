interface PageInfo {
  hasNextPage: boolean;
  endCursor: string | null;
}

interface Listed {
  edges: readonly { cursor: string }[];
  pageInfo: { hasNextPage: boolean };
}

/** Whether a project that there is belongs into a list, as far as that is loaded, and is not in it. */
export function lacks({ edges, pageInfo }: Listed, id: string): boolean {
  // Projects are listed by their ids, the greatest first, and a cursor is one.
  const end = edges.at(-1)?.cursor ?? "";
  if (pageInfo.hasNextPage && id < end) return false;
  return edges.every(({ cursor }) => cursor !== id);
}

/** Reads a list page by page until it is read as far as `end`. */
export async function readAsFarAs(
  end: string,
  page: (after: string | null) => Promise<PageInfo>,
): Promise<void> {
  let after: string | null = null;
  do {
    const { hasNextPage, endCursor } = await page(after);
    after = hasNextPage && endCursor !== null && endCursor > end ? endCursor : null;
  } while (after !== null);
}
