//! The stateless HTTP server: search, booking, payment, tickets, pages
