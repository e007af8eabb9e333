-- How many sign-ups over the API passed in a span, by client address and by e-mail address.

-- House table: a subject is known by a keyed digest alone, and forgotten once its span is over.
-- Once a day all rows are looked at for that: an index by `ends_at` would cost at each sign-up.
CREATE TABLE sign_up_counts (
    subject_digest bytea NOT NULL,
    passed integer NOT NULL,
    ends_at timestamptz NOT NULL,
    CONSTRAINT sign_up_counts_pkey PRIMARY KEY (subject_digest),
    CONSTRAINT subject_digest_is_whole CHECK (octet_length(subject_digest) = 32),
    CONSTRAINT passed_is_positive CHECK (passed > 0)
);
