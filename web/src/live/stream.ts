import type { OperationVariables, TypedDocumentNode } from "@apollo/client";
import { useApolloClient } from "@apollo/client/react";
import { useEffect, useEffectEvent } from "react";

interface Listener<T> {
  next: (data: T) => void;
  /** Told once, when nothing follows any more. What passes by itself is not told. */
  error?: (error: unknown) => void;
}

/**
 * Subscribes for as long as the component is there. What comes is handed on and nowhere else: it
 * renders nothing by itself. Without variables it waits.
 */
export function useStream<T, V extends OperationVariables>(
  document: TypedDocumentNode<T, V>,
  variables: V | null,
  listener: Listener<T>,
): void {
  const client = useApolloClient();
  const next = useEffectEvent(listener.next);
  const fail = useEffectEvent((error: unknown) => listener.error?.(error));
  const key = JSON.stringify(variables);
  useEffect(() => {
    const parsed: V | null = JSON.parse(key);
    if (parsed === null) return undefined;
    const subscription = client
      .subscribe<T>({ query: document, variables: parsed, fetchPolicy: "no-cache" })
      .subscribe({
        next: ({ data, error }) => {
          if (error) fail(error);
          else if (data) next(data as T);
        },
        error: fail,
      });
    return () => subscription.unsubscribe();
  }, [client, document, key]);
}
